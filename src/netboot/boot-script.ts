// The iPXE script that a machine gets when it boots from the network. Pure. What goes into it was
// checked before: iPXE and the kernel have no quoting that could be relied on.
import { AppError } from '../core/errors.ts';

/** How this server boots machines. */
export interface BootOptions {
  /** Holds ARCH/kernel and ARCH/initramfs; a machine is then told to fetch them here. */
  readonly dir?: string | undefined;
  /** More parameters for the kernel's command line. */
  readonly append?: string | undefined;
}

export interface BootScriptOptions {
  /** This server as machines reach it. */
  readonly url: string;
  /** In lower case, with colons. */
  readonly mac: string;
  /** The workflow to carry out; without one the agent finds out what the machine is. */
  readonly workflowId: string | undefined;
  readonly token: string | undefined;
  /** Whether the agent is told its mode. Dragonfly's own image checks in without one, or with imaging. */
  readonly namesMode: boolean;
  /** More parameters for the kernel's command line. */
  readonly append: string;
  readonly now: Date;
}

/** Boots the agent.
 *  Errors: AppError `request.invalid` where the server's address could not stand in a script. */
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
    // A machine whose clock has stopped would find every certificate invalid.
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

/** Asks for the script of the machine, by the port that it is booting from. */
export function startScript(url: string): string {
  return script([`chain --replace --autofree ${scriptUrl(url)}/boot/\${netX/mac:hexhyp}`]);
}

/** Whether a text may be handed to the kernel as one parameter, or several: no quotes, nothing that
 *  iPXE would expand or take for another command. */
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
