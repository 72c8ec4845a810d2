// Makes dist/boot/ARCH/agent.efi (`npm run build:unified`): kernel, initramfs and kernel parameters in one program
// for UEFI, signed with an operator's key. See "Secure Boot" in docs/netboot.md.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { command } from '../src/cli/command.ts';
import { AppError } from '../src/core/errors.ts';
import { imageParameters, isPlain } from '../src/netboot/boot-parameters.ts';
import { longestAppend } from '../src/netboot/kernel-line.ts';
import { architectures, archs, type Arch } from './arch.ts';
import { runProgram } from './command-line.ts';
import { ensureImage } from './ensure-image.ts';
import { Apt } from './content/packages.ts';
import { requireTools, run } from './tools.ts';

/** The part that comes after another begins on a page of its own. */
const pageBytes = 4096;

export interface UnifiedOptions {
  readonly arch: Arch;
  /** The folder of kernel and initramfs. */
  readonly image: string;
  readonly append: string;
  /** Files in PEM. */
  readonly key: string;
  readonly cert: string;
  readonly output: string;
}

/** Puts an image together and signs it. The stub starts the kernel with nothing but what is in it. */
export function buildUnified({ arch, image, append, key, cert, output }: UnifiedOptions): void {
  const { objcopy, objdump, stripPackage: binutils, efi } = architectures[arch];
  requireTools({ [objcopy]: binutils, [objdump]: binutils, sbsign: 'sbsigntool' });
  if (!isPlain(append) || append.length > longestAppend) {
    throw new AppError(
      'usage.invalid',
      `kernel parameters may have ${longestAppend} letters, digits, spaces and .,:;+/=@%~[]_-`,
    );
  }
  const apt = new Apt(arch);
  apt.update();
  const { root } = apt.fetch('systemd-boot-efi');
  const work = mkdtempSync(join(tmpdir(), 'dragonfly-unified-'));
  try {
    const parameters = join(work, 'cmdline');
    const release = join(work, 'osrel');
    const unsigned = join(work, 'unsigned.efi');
    writeFileSync(
      parameters,
      `${imageParameters.join(' ')} dragonfly.mode=discovery ${append}`.trim(),
    );
    writeFileSync(release, 'ID=dragonfly-agent\nPRETTY_NAME="dragonfly-agent"\n');
    const parts = { '.osrel': release, '.cmdline': parameters };
    addSections(
      arch,
      join(root, `usr/lib/systemd/boot/efi/linux${efi}.efi.stub`),
      { ...parts, '.linux': join(image, 'kernel'), '.initrd': join(image, 'initramfs') },
      unsigned,
    );
    run('sbsign', ['--key', key, '--cert', cert, '--output', output, unsigned]);
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** Adds files as sections behind those of a program, in their order. */
function addSections(
  arch: Arch,
  program: string,
  files: Readonly<Record<string, string>>,
  output: string,
): void {
  let at = endOf(arch, program);
  const args: string[] = [];
  for (const [name, file] of Object.entries(files)) {
    at = Math.ceil(at / pageBytes) * pageBytes;
    args.push('--add-section', `${name}=${file}`);
    args.push('--change-section-vma', `${name}=0x${at.toString(16)}`);
    at += statSync(file).size;
  }
  run(architectures[arch].objcopy, [...args, program, output]);
}

/** The address after a program's last section. Source: binutils' `objdump -h`: number, name, size, address. */
function endOf(arch: Arch, program: string): number {
  const sections = run(architectures[arch].objdump, ['-h', program]).matchAll(
    /^ *\d+ \.\S+ +([0-9a-f]+) +([0-9a-f]+) /gm,
  );
  const ends = [...sections].map(
    ([, size = '', address = '']) => Number.parseInt(size, 16) + Number.parseInt(address, 16),
  );
  if (ends.length === 0) throw new Error(`${program} has no sections`);
  return Math.max(...ends);
}

const buildUnifiedImage = command({
  name: 'build:unified',
  describe: 'make dist/boot/ARCH/agent.efi, one image for Secure Boot, signed with a key of yours',
  options: {
    arch: { type: 'string', default: 'x64', choices: archs, describe: 'the machines to boot' },
    key: { type: 'string', value: 'FILE', describe: 'the private key to sign with, PEM' },
    cert: { type: 'string', value: 'FILE', describe: 'its certificate, PEM' },
    append: {
      type: 'string',
      default: '',
      describe: 'kernel parameters, as "dragonfly.url=https://192.0.2.1:3000"',
    },
  },
  async run({ arch, key, cert, append }, io) {
    if (key === undefined || cert === undefined) {
      throw new AppError('usage.invalid', 'signing takes --key FILE and --cert FILE');
    }
    const image = join(await ensureImage(arch), architectures[arch].boot);
    const output = join(image, 'agent.efi');
    buildUnified({ arch, image, append, key, cert, output });
    io.print(`${output}  ${(statSync(output).size / 1e6).toFixed(1)} MB\n`);
    return 0;
  },
});

if (import.meta.main) await runProgram(buildUnifiedImage);
