// Compiles the programs of the image that are written in C. Node has no packet sockets, and another one of it, to read the
// files on which a read may hang, takes memory and time that a small machine has not.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { architectures, type Arch } from '../arch.ts';
import { projectDir } from '../tools.ts';

/** Compiles one to `target`. False where no compiler for the architecture is installed: an image without it hears no
 *  neighbours, reads disks with Node, and is complete otherwise. Errors: those of the compiler. */
export function compileProgram(
  arch: Arch,
  name: 'hear-neighbours' | 'read-files',
  target: string,
): boolean {
  mkdirSync(dirname(target), { recursive: true });
  const source = join(projectDir, 'initramfs', 'c', `${name}.c`);
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
