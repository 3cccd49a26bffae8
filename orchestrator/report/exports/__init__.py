"""The ledger's runs in other tools' forms. One way: nothing is ever read back, and nothing there decides anything."""
