// The choices for a machine's boot that every loader's script is made of, and the parameters that its kernel gets.
// Pure. Callers check every value that goes into a script: the kernel has no quoting to rely on, iPXE neither.
import { AppError } from '../core/errors.ts';
import { kernelLine, type Appended, type KernelLine } from './kernel-line.ts';

/** The server's settings for booting machines. */
export interface BootOptions {
  /** Holds ARCH/kernel and ARCH/initramfs, which machines then fetch from this server. */
  readonly dir?: string | undefined;
  /** More parameters for the kernel's command line. */
  readonly append?: string | undefined;
}

export interface BootScriptOptions {
  /** Where the machine fetches kernel and initramfs. */
  readonly filesUrl: string;
  /** Where its agent checks in. */
  readonly agentUrl: string;
  /** The CA that the agent is to trust; left out where it needs no telling. */
  readonly caSha256?: string | undefined;
  /** In lower case, with colons. */
  readonly mac: string;
  /** The workflow to run; without one the agent discovers the machine. */
  readonly workflowId: string | undefined;
  readonly token: string | undefined;
  /** True to tell the agent its mode. Dragonfly's own image checks in without a mode, or with imaging. */
  readonly namesMode: boolean;
  /** More parameters for the kernel's command line, the general ones first. */
  readonly append: readonly Appended[];
  readonly now: Date;
  /** Seconds after which a step that does not work is given up for the machine's disk. Left out: never, for a
   *  machine that is known to have nothing to boot. */
  readonly giveUpSeconds?: number | undefined;
  readonly localBoot: LocalBoot;
}

/** The way to a machine's own system: by default as its firmware does it best. */
export type LocalBoot = 'default' | 'exit' | 'chain' | { readonly drive: number };

/** The agent or the machine's own disk, and all that a script for it says. */
export type Boot =
  | { readonly boots: 'agent'; readonly options: BootScriptOptions }
  | { readonly boots: 'disk'; readonly localBoot: LocalBoot; readonly filesUrl: string };

/** Reads the setting `boot.local`: `exit`, `chain`, `sanboot` (the first disk) or `sanboot:0x81`; undefined for
 *  anything else. */
export function parseLocalBoot(text: string): LocalBoot | undefined {
  if (text === 'default' || text === 'exit' || text === 'chain') return text;
  const drive = /^sanboot(?::(0x[89a-f][0-9a-f]))?$/i.exec(text);
  return drive === null ? undefined : { drive: Number(drive[1] ?? '0x80') };
}

/** The kernel's whole command line: `first` is what a loader adds. */
export function commandLine(options: BootScriptOptions, first: readonly string[]): KernelLine {
  return kernelLine([...first, ...ownParameters(options)], options.append);
}

/** For the kernel of the image, whoever starts it. A tmpfs of its own accord holds half of the memory that is free beside
 *  the packed image, so that the unpacked one does not fit where there is little: a ramfs has no such limit. The files for
 *  tracing and the types of modules (BTF), which nothing in the image reads, take some 10 MB for good. A kernel that has
 *  no functions of these names ignores them. */
export const imageParameters: readonly string[] = [
  'panic=60',
  'rootfstype=ramfs',
  'initcall_blacklist=tracer_init_tracefs,btf_module_init',
];

function ownParameters(options: BootScriptOptions): string[] {
  const { mac, workflowId, token, namesMode, now, caSha256 } = options;
  const mode = workflowId === undefined ? 'discovery' : 'imaging';
  return [
    ...imageParameters,
    `dragonfly.url=${scriptUrl(options.agentUrl)}`,
    caSha256 === undefined ? '' : `dragonfly.ca_sha256=${caSha256}`,
    namesMode ? `dragonfly.mode=${mode}` : '',
    `dragonfly.mac=${mac}`,
    workflowId === undefined ? '' : `dragonfly.workflow=${workflowId}`,
    token === undefined ? '' : `dragonfly.token=${token}`,
    // To a machine with a dead clock battery every certificate is invalid.
    `dragonfly.time=${Math.floor(now.getTime() / 1000)}`,
    `BOOTIF=01-${mac.replaceAll(':', '-')}`,
  ].filter(Boolean);
}

/** True for text that is safe as kernel parameters: no quotes, nothing that iPXE would expand or take for
 *  another command. */
export function isPlain(text: string): boolean {
  return /^[\w.,:;+/=@%~[\] -]*$/.test(text);
}

/** A URL as scripts hold it, without a slash at its end. Errors: AppError `request.invalid` for one that they
 *  cannot hold. */
export function scriptUrl(url: string): string {
  if (/^https?:\/\/[\w.:[\]-]+(?:\/[\w./-]*)?$/i.test(url)) return url.replace(/\/$/, '');
  throw new AppError(
    'request.invalid',
    'the address of this server has characters that a boot script cannot hold',
    {
      details: { url: url.slice(0, 200) },
    },
  );
}
