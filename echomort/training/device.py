"""The device, the precision and the kernel of training. Imports torch only where there may be a GPU."""

from dataclasses import dataclass
from pathlib import Path

from echomort.networks import NETWORKS, _kernel
from echomort.settings import Training


@dataclass(frozen=True)
class Device:
    """The device of one model, its precision, and what computes its convolutions."""

    name: str
    """"cpu" or "cuda:<index>"."""
    bfloat16: bool
    kernel: str = _kernel.TORCH
    """"torch", or "compiled" with the instruction set in use."""

    @property
    def is_gpu(self) -> bool:
        """Whether it is a GPU."""
        return self.name != "cpu"


def resolve_device(name: str, settings: Training) -> Device:
    """Return the device with its precision and kernel: bfloat16 only if the settings allow it and it is native
    (emulation is slower), and never beside the compiled kernel, whose float32 is faster."""
    if name == "cpu" and _kernel.LEVEL is not None and NETWORKS.get(settings.network).compiled:
        return Device(name, bfloat16=False, kernel=f"compiled {_kernel.LEVEL}")
    if settings.precision == "exact":
        return Device(name, bfloat16=False)
    if name == "cpu":
        return Device(name, bfloat16=has_native_bfloat16())
    import torch

    return Device(name, bfloat16=torch.cuda.is_bf16_supported(including_emulation=False))


def has_native_bfloat16(processor: Path = Path("/proc/cpuinfo")) -> bool:
    """Return whether this computer's processor has bfloat16 instructions (x86: AVX-512 or AMX; Arm: bf16)."""
    if not processor.is_file():
        return False
    words = set(processor.read_text().split())
    return bool(words & {"avx512_bf16", "amx_bf16", "bf16"})


def has_gpu_driver() -> bool:
    """Return whether there may be a GPU: its driver is there."""
    return any(Path(device).exists() for device in ("/dev/nvidiactl", "/dev/dxg"))


def count_gpus() -> int:
    """Return the number of CUDA devices that torch can use; without a driver torch is not imported."""
    if not has_gpu_driver():
        return 0
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
