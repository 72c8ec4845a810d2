// Disk images to install, made with the programs that others make theirs with.
import { execFileSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MiB } from './workplace.ts';

/** A file that is gone with the scratch directory that it is in. */
export function scratch(): { readonly path: (name: string) => string } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), 'dragonfly-images-'));
  return {
    path: (name) => join(directory, name),
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

/** A raw image with a GPT of two partitions, random data here and there, and zeroes between. */
export function gptImage(path: string, sizeMiB: number, sectorBytes = 512): Buffer {
  const image = Buffer.alloc(sizeMiB * MiB);
  for (let at = 2; at < sizeMiB - 1; at += 3) {
    randomFillSync(image, at * MiB, (at % 2 === 0 ? 1 : 0.3) * MiB);
  }
  // Less than a page, and across two blocks.
  randomFillSync(image, 3 * MiB - 100, 300);
  writeFileSync(path, image);
  const sectors = (mib: number): number => (mib * MiB) / sectorBytes;
  const script = `label: gpt\nstart=${sectors(1)}, size=${sectors(2)}, type=U\nstart=${sectors(3)}, type=L\n`;
  partitionFile(path, script, sectorBytes);
  return readFileSync(path);
}

/** sfdisk takes a file's sectors for 512 bytes unless it is a device with others. */
export function partitionFile(path: string, script: string, sectorBytes: number): void {
  if (sectorBytes === 512) {
    execFileSync('/usr/sbin/sfdisk', ['--quiet', path], {
      input: script,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    return;
  }
  const device = execFileSync('losetup', ['-f', '--show', '-b', String(sectorBytes), path], {
    encoding: 'utf8',
  }).trim();
  try {
    execFileSync('/usr/sbin/sfdisk', ['--quiet', '--no-reread', device], {
      input: script,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    execFileSync('blockdev', ['--flushbufs', device]);
  } finally {
    execFileSync('losetup', ['-d', device]);
  }
}

export function pack(image: Buffer, program: string, ...args: string[]): Buffer {
  return execFileSync(program, args, { input: image, maxBuffer: 1 << 30 });
}

export function qcow2(image: Buffer, ...options: string[]): Buffer {
  using files = scratch();
  writeFileSync(files.path('raw'), image);
  const args = ['convert', '-f', 'raw', '-O', 'qcow2', ...options];
  execFileSync('qemu-img', [...args, files.path('raw'), files.path('qcow2')]);
  return readFileSync(files.path('qcow2'));
}

export function tar(name: string, content: Buffer, ...options: string[]): Buffer {
  using files = scratch();
  writeFileSync(files.path(name), content);
  return execFileSync('tar', ['-C', files.path(''), ...options, '-c', name], {
    maxBuffer: 1 << 30,
  });
}

export function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
