// The machine architectures that executables and images are made for, and their other names.
import { AppError } from '../src/core/errors.ts';

export const architectures = {
  x64: {
    debian: 'amd64',
    boot: 'x86_64',
    triplet: 'x86_64-linux-gnu',
    loader: 'lib64/ld-linux-x86-64.so.2',
    efi: 'x64',
    strip: 'strip',
    objcopy: 'objcopy',
    objdump: 'objdump',
    stripPackage: 'binutils',
    grub: { package: 'grub-efi-amd64-bin', format: 'x86_64-efi', loader: 'BOOTX64.EFI' },
    qemu: {
      program: 'qemu-system-x86_64',
      package: 'qemu-system-x86',
      machine: 'pc',
      cpu: 'qemu64',
      console: 'ttyS0',
      code: '/usr/share/OVMF/OVMF_CODE_4M.fd',
      variables: '/usr/share/OVMF/OVMF_VARS_4M.fd',
      secureCode: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
      firmwarePackage: 'ovmf',
    },
  },
  arm64: {
    debian: 'arm64',
    boot: 'arm64',
    triplet: 'aarch64-linux-gnu',
    loader: 'lib/ld-linux-aarch64.so.1',
    efi: 'aa64',
    strip: 'aarch64-linux-gnu-strip',
    objcopy: 'aarch64-linux-gnu-objcopy',
    objdump: 'aarch64-linux-gnu-objdump',
    stripPackage: 'binutils-aarch64-linux-gnu',
    grub: { package: 'grub-efi-arm64-bin', format: 'arm64-efi', loader: 'BOOTAA64.EFI' },
    qemu: {
      program: 'qemu-system-aarch64',
      package: 'qemu-system-arm',
      // Not every host's processor has version 2 of the interrupt controller, which is the default.
      machine: 'virt,gic-version=max',
      cpu: 'cortex-a72',
      console: 'ttyAMA0',
      code: '/usr/share/AAVMF/AAVMF_CODE.fd',
      variables: '/usr/share/AAVMF/AAVMF_VARS.fd',
      secureCode: '/usr/share/AAVMF/AAVMF_CODE.ms.fd',
      firmwarePackage: 'qemu-efi-aarch64',
    },
  },
} as const;

/** As Node names it; `boot` is the folder's name in dist/boot, as iPXE's ${buildarch} gives it. */
export type Arch = keyof typeof architectures;

export const archs = ['x64', 'arm64'] as const satisfies readonly Arch[];

/** The architecture of this host. Errors: AppError `usage.invalid` on another one than these. */
export function thisArch(): Arch {
  const arch = archs.find((name) => name === process.arch);
  if (arch !== undefined) return arch;
  throw new AppError(
    'usage.invalid',
    `nothing is built for ${process.arch}: add --arch x64 or arm64`,
  );
}
