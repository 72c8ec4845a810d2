// Puts the agent's executable into the image: in the order in which it is used, where that is known.
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { architectures, type Arch } from '../arch.ts';
import { compileProgram } from './c-programs.ts';
import { hotPages } from '../executable/hot-pages.ts';
import { smallNode } from '../executable/node-binary.ts';
import { orderExecutable } from '../executable/order.ts';

const program = 'usr/bin/dragonfly-agent';

/** The dynamic linker starts what Linux does not: it is told the path by which the agent starts itself again. Its link
 *  has the name that ps, pidof and killall of the image go by (of the kernel's, Node's threads have others). */
const starter = `#!/bin/sh
# The agent has its pages in the order of their use, and so more segments than Linux starts: the dynamic linker does.
exec /image/agent/dragonfly-agent --argv0 "$0" /image/agent/ordered "$@"
`;

/** Gives the path of the program, by which it is started. The program that reads files for it lies where it looks for that
 *  (src/sources/isolated/reading-process.ts). */
export function copyAgent(arch: Arch, executable: string, heavy: string): string {
  compileProgram(arch, 'read-files', join(heavy, 'agent', 'read-files'));
  mkdirSync(dirname(join(heavy, program)), { recursive: true });
  const hot = hotPages(arch, smallNode(arch));
  if (hot === undefined) {
    console.error(
      `no list of the pages that are used of this Node for ${arch}: the image takes more memory and time (npm run trace:pages)`,
    );
    copyFileSync(executable, join(heavy, program));
    return program;
  }
  const { binary } = orderExecutable(readFileSync(executable), hot);
  mkdirSync(join(heavy, 'agent'), { recursive: true });
  writeFileSync(join(heavy, 'agent', 'ordered'), binary);
  symlinkSync(`/${architectures[arch].loader}`, join(heavy, 'agent', 'dragonfly-agent'));
  writeFileSync(join(heavy, program), starter, { mode: 0o755 });
  return program;
}
