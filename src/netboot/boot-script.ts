// The iPXE scripts for machines that boot from the network. Pure. Callers check every value that goes into
// one: neither iPXE nor the kernel has quoting to rely on.
import { AppError } from '../core/errors.ts';

/** The server's settings for booting machines. */
export interface BootOptions {
  /** Holds ARCH/kernel and ARCH/initramfs, which machines then fetch from this server. */
  readonly dir?: string | undefined;
  /** More parameters for the kernel's command line. */
  readonly append?: string | undefined;
}

export interface BootScriptOptions {
  /** This server's URL, as machines reach it. */
  readonly url: string;
  /** In lower case, with colons. */
  readonly mac: string;
  /** The workflow to run; without one the agent discovers the machine. */
  readonly workflowId: string | undefined;
  readonly token: string | undefined;
  /** True to tell the agent its mode. Dragonfly's own image checks in without a mode, or with imaging. */
  readonly namesMode: boolean;
  /** More parameters for the kernel's command line. */
  readonly append: string;
  readonly now: Date;
}

/** Boots the agent.
 *  Errors: AppError `request.invalid` if a script cannot hold the server's address. */
export function agentScript(options: BootScriptOptions): string {
  const { mac, workflowId, token, namesMode, append, now } = options;
  const mode = workflowId === undefined ? 'discovery' : 'imaging';
  const url = scriptUrl(options.url);
  const parameters = [
    'initrd=initramfs',
    'panic=60',
    append,
    `dragonfly.url=${url}`,
    namesMode ? `dragonfly.mode=${mode}` : '',
    `dragonfly.mac=${mac}`,
    workflowId === undefined ? '' : `dragonfly.workflow=${workflowId}`,
    token === undefined ? '' : `dragonfly.token=${token}`,
    // To a machine with a dead clock battery every certificate is invalid.
    `dragonfly.time=${Math.floor(now.getTime() / 1000)}`,
    `BOOTIF=01-${mac.replaceAll(':', '-')}`,
  ];
  return script([
    `kernel ${url}/boot/\${buildarch}/kernel ${parameters.filter(Boolean).join(' ')}`,
    `initrd --name initramfs ${url}/boot/\${buildarch}/initramfs`,
    'boot',
  ]);
}

/** Boots the installed system: a BIOS its first disk, UEFI its next boot entry. UEFI takes iPXE's plain
 *  `exit` for success and stops in its setup menu; after a failure it goes on. */
export function localDiskScript(): string {
  return script([
    'iseq ${platform} efi && exit 1 ||',
    'sanboot --no-describe --drive 0x80 || exit 1',
  ]);
}

/** Fetches the machine's own script, by the MAC of the port it boots from. */
export function startScript(url: string): string {
  return script([`chain --replace --autofree ${scriptUrl(url)}/boot/\${netX/mac:hexhyp}`]);
}

/** True for text that is safe as kernel parameters: no quotes, nothing that iPXE would expand or take for
 *  another command. */
export function isPlain(text: string): boolean {
  return /^[\w.,:;+/=@%~[\] -]*$/.test(text);
}

function scriptUrl(url: string): string {
  if (/^https?:\/\/[\w.:[\]-]+(?:\/[\w./-]*)?$/i.test(url)) return url.replace(/\/$/, '');
  throw new AppError(
    'request.invalid',
    'the address of this server has characters that a boot script cannot hold',
    {
      details: { url: url.slice(0, 200) },
    },
  );
}

function script(lines: readonly string[]): string {
  return `${['#!ipxe', ...lines].join('\n')}\n`;
}
