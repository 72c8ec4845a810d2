// A directory in which every read hangs for ever, as one on a dead server does: a FUSE mount whose
// program never answers. Needs root and /dev/fuse.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdirSync } from 'node:fs';

export function canHang(): boolean {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    return process.getuid?.() === 0;
  } catch {
    return false;
  }
}

/** Mounts it on `directory`; what is returned ends it. */
export async function hang(directory: string): Promise<() => Promise<void>> {
  mkdirSync(directory, { recursive: true });
  const options = 'fd=9,rootmode=40000,user_id=0,group_id=0';
  const script = `exec 9<>/dev/fuse && mount -i -t fuse -o ${options} none "$0" && echo mounted; read end; umount -l "$0"`;
  const holder = spawn('sh', ['-c', script, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(holder.stdout, 'data');
  return async () => {
    holder.stdin.end('\n');
    await once(holder, 'close');
  };
}
