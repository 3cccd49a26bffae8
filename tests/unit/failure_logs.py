"""Ends of training logs, shaped as torch, CUDA, NCCL, Triton and Linux print them; paths and figures are our own."""

from __future__ import annotations

FRAMES = '''Traceback (most recent call last):
  File "/srv/train.py", line 88, in <module>
    main()
  File "/srv/train.py", line 61, in soft_loss
    kl = torch.nn.functional.kl_div(a, b)
'''

OOM_FIRST = (  # to torch 2.0
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.21 GiB (GPU 0; 79.15 GiB total capacity; "
    "70.10 GiB already allocated; 3.32 GiB free; 72.88 GiB reserved in total by PyTorch) If reserved memory is >> "
    "allocated memory try setting max_split_size_mb to avoid fragmentation.  See documentation for Memory Management "
    "and PYTORCH_CUDA_ALLOC_CONF")
OOM_FIRST_CACHED = (  # to torch 1.3
    "RuntimeError: CUDA out of memory. Tried to allocate 1024.00 KiB (GPU 0; 11.17 GiB total capacity; 10.90 GiB "
    "already allocated; 576.00 KiB free; 30.96 MiB cached)")
OOM_MIDDLE = (  # torch 2.1, with its spelling of capacity
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.54 GiB. GPU 0 has a total capacty of 79.15 "
    "GiB of which 298.12 MiB is free. Process 4711 has 78.85 GiB memory in use. Of the allocated memory 56.30 GiB is "
    "allocated by PyTorch, and 21.40 GiB is reserved by PyTorch but unallocated. If reserved but unallocated memory "
    "is large try setting max_split_size_mb to avoid fragmentation.  See documentation for Memory Management and "
    "PYTORCH_CUDA_ALLOC_CONF")
OOM_OWN_PROCESS = (
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.00 GiB. GPU 0 has a total capacity of 23.65 "
    "GiB of which 1.66 GiB is free. Including non-PyTorch memory, this process has 20.81 GiB memory in use. Of the "
    "allocated memory 12.09 GiB is allocated by PyTorch, and 4.84 GiB is reserved by PyTorch but unallocated.")
OOM_NEWEST = (  # torch 2.5 and later, with a cap on the process and private pools
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 23.53 GiB "
    "of which 7.25 MiB is free. 22.00 GiB allowed; Including non-PyTorch memory, this process has 21.99 GiB memory in "
    "use. Of the allocated memory 21.10 GiB is allocated by PyTorch, with 17.00 MiB allocated in private pools (e.g., "
    "CUDA Graphs), and 54.99 MiB is reserved by PyTorch but unallocated. If reserved but unallocated memory is large "
    "try setting PYTORCH_ALLOC_CONF=expandable_segments:True to avoid fragmentation.  See documentation for Memory "
    "Management  (https://pytorch.org/docs/stable/notes/cuda.html#environment-variables)")
OOM_NOTHING_FREE = (
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 512 bytes. GPU 0 has a total capacty of 11.99 "
    "GiB of which 0 bytes is free.")
OOM_FRAGMENTED = (
    "RuntimeError: CUDA out of memory. Tried to allocate 2.26 GiB (GPU 0; 6.00 GiB total capacity; 781.59 MiB already "
    "allocated; 3.03 GiB free; 1.24 GiB reserved in total by PyTorch)")
OOM_CPU = (
    "RuntimeError: [enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
    "to allocate 132426121216 bytes. Error code 12 (Cannot allocate memory)")
OOM_NUMPY = (
    "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 9.21 GiB for an array with shape (49152, 50304) and "
    "data type float32")
OOM_KILLER = ("[ 8123.450001] Memory cgroup out of memory: Killed process 4711 (python3) total-vm:26184840kB, "
              "anon-rss:15370088kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:38964kB oom_score_adj:0")

NCCL_WATCHDOG = (
    "[rank0]:[E321 02:07:08.408271257 ProcessGroupNCCL.cpp:616] [Rank 0] Watchdog caught collective operation timeout: "
    "WorkNCCL(SeqNum=1580, OpType=ALLREDUCE, NumelIn=466119168, NumelOut=466119168, Timeout(ms)=600000) ran for "
    "600060 milliseconds before timing out.")
NCCL_ERROR = FRAMES + (
    "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1275, "
    "internal error, NCCL version 2.14.3\nncclInternalError: Internal check failed.\nLast error:\n"
    "Net : Connection closed by remote peer h100.example<43236>")

LAUNCHER_REPORT = '''Traceback (most recent call last):
  File "/opt/bin/torchrun", line 8, in <module>
    sys.exit(main())
torch.distributed.elastic.multiprocessing.errors.ChildFailedError:
============================================================
train.py FAILED
'''

XID_79 = "[74889.644138] NVRM: Xid (PCI:0000:02:00): 79, pid=4711, GPU has fallen off the bus."
XID_31 = ("[  901.000001] NVRM: Xid (PCI:0000:65:00): 31, pid=4711, name=python3, Ch 00000008, intr 00000000. MMU "
          "Fault: ENGINE GRAPHICS GPCCLIENT_T1_0 faulted @ 0x7f00_00000000. Fault is of type FAULT_PDE")
ECC = FRAMES + (
    "RuntimeError: CUDA error: uncorrectable ECC error encountered\nCUDA kernel errors might be asynchronously "
    "reported at some other API call, so the stacktrace below might be incorrect.\nFor debugging consider passing "
    "CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n")
LAUNCH_FAILURE = FRAMES + (
    "torch.AcceleratorError: CUDA error: unspecified launch failure\nCUDA kernel errors might be asynchronously "
    "reported at some other API call, so the stacktrace below might be incorrect.\n")

BACKWARD = '''Traceback (most recent call last):
  File "/srv/train.py", line 40, in step
    loss.backward()
  File "/opt/torch/_tensor.py", line 581, in backward
    torch.autograd.backward(
  File "/opt/torch/autograd/__init__.py", line 347, in backward
    _engine_run_backward(
  File "/opt/triton/backends/nvidia/compiler.py", line 430, in make_cubin
    raise PTXASError(error)
'''
PTXAS = BACKWARD + (
    "triton.runtime.errors.PTXASError: PTXAS error: Internal Triton PTX codegen error\n`ptxas` stderr:\n"
    "ptxas fatal   : Value 'sm_121a' is not defined for option 'gpu-name'\n\n"
    "Repro command: /opt/triton/backends/nvidia/bin/ptxas -lineinfo -v --gpu-name=sm_121a /tmp/t.ptx -o /tmp/t.o\n")
NO_KERNEL_IMAGE = BACKWARD + "RuntimeError: CUDA error: no kernel image is available for execution on the device\n"
SHARED_MEMORY = BACKWARD + (
    "triton.runtime.errors.OutOfResources: out of resource: shared memory, Required: 131072, Hardware limit: 101376. "
    "Reducing block sizes or `num_stages` may help.\n")

DISK_FULL = '''Traceback (most recent call last):
  File "/opt/torch/serialization.py", line 379, in save
    _save(obj, opened_zipfile, pickle_module, pickle_protocol)
  File "/opt/torch/serialization.py", line 499, in _save
    zip_file.write_record(name, storage.data_ptr(), num_bytes)
OSError: [Errno 28] No space left on device

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/srv/train.py", line 220, in save_checkpoint
    torch.save(state, path)
  File "/opt/torch/serialization.py", line 259, in __exit__
    self.file_like.write_end_of_file()
RuntimeError: the archive could not be closed
'''
CODE_ERROR = FRAMES + "ValueError: Expected more than 1 value per channel when training, got input size [1, 64]\n"
