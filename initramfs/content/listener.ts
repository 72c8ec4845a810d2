// Compiles the listener for LLDP and CDP, the one program of the image that is written in C: Node has no packet
// sockets.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { architectures, type Arch } from '../arch.ts';
import { projectDir } from '../tools.ts';

const source = join(projectDir, 'initramfs', 'hear', 'hear-neighbours.c');

/** Compiles it to `target`. False where no compiler for the architecture is installed: an image without it
 *  hears no neighbours, and is complete otherwise. Errors: those of the compiler. */
export function compileListener(arch: Arch, target: string): boolean {
  mkdirSync(dirname(target), { recursive: true });
  try {
    // Debian's compilers have the architecture in their names, the host's own too.
    const compiler = `${architectures[arch].triplet}-gcc`;
    execFileSync(compiler, ['-Os', '-s', '-Wall', '-Wextra', '-Werror', '-o', target, source]);
    return true;
  } catch (err) {
    if (err instanceof Error && 'code' in err && err.code === 'ENOENT') return false;
    throw err;
  }
}
