// The machine architectures that executables and images are made for, and their other names.

export const architectures = {
  x64: {
    debian: 'amd64',
    boot: 'x86_64',
    triplet: 'x86_64-linux-gnu',
    loader: 'lib64/ld-linux-x86-64.so.2',
    strip: 'strip',
    stripPackage: 'binutils',
  },
  arm64: {
    debian: 'arm64',
    boot: 'arm64',
    triplet: 'aarch64-linux-gnu',
    loader: 'lib/ld-linux-aarch64.so.1',
    strip: 'aarch64-linux-gnu-strip',
    stripPackage: 'binutils-aarch64-linux-gnu',
  },
} as const;

/** As Node names it; `boot` is the folder's name in dist/boot, as iPXE's ${buildarch} gives it. */
export type Arch = keyof typeof architectures;

/** Reads an --arch value. Errors: throws where it is none of the known ones. */
export function parseArch(text: string): Arch {
  if (text === 'x64' || text === 'arm64') return text;
  throw new Error(`--arch ${text}: this builds for x64 and arm64`);
}
