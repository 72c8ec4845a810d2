// Disks to write to: loop devices over sparse files, which only root can make. Each is detached by its
// own name; other tests have loop devices too. A loop device keeps the partitions that were made of its last
// file, so each begins and ends without.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface LoopDisk extends Disposable {
  /** "/dev/loop3" */
  readonly path: string;
  /** The file with what is on it. */
  readonly image: string;
}

export function loopDisk(sizeBytes: number, sectorBytes = 512): LoopDisk {
  const directory = mkdtempSync(join(tmpdir(), 'dragonfly-loop-'));
  const image = join(directory, 'disk.img');
  writeFileSync(image, '');
  truncateSync(image, sizeBytes);
  const args = ['--find', '--show', '--sector-size', String(sectorBytes), image];
  const path = execFileSync('losetup', args, { encoding: 'utf8' }).trim();
  forgetPartitions(path);
  return {
    path,
    image,
    [Symbol.dispose]() {
      forgetPartitions(path);
      execFileSync('losetup', ['--detach', path]);
      rmSync(directory, { recursive: true });
    },
  };
}

function forgetPartitions(disk: string): void {
  const name = disk.replace('/dev/', '');
  for (const entry of readdirSync(`/sys/class/block/${name}`)) {
    const [, number] = new RegExp(`^${name}p(\\d+)$`).exec(entry) ?? [];
    if (number !== undefined) execFileSync('partx', ['--delete', '--nr', number, disk]);
  }
}

export const canLoop = ((): boolean => {
  if (process.getuid?.() !== 0) return false;
  try {
    using disk = loopDisk(1024 * 1024);
    return disk.path.startsWith('/dev/loop');
  } catch {
    return false;
  }
})();

/** True if a program is installed. */
export function has(program: string): boolean {
  try {
    execFileSync('sh', ['-c', `command -v ${program}`], {
      env: { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    });
    return true;
  } catch {
    return false;
  }
}
