// The kinds of machine that ask to boot, and the loader for each. Pure.
// Source: RFC 4578 and its registry of client architectures.
import type { Request } from './packet.ts';

/** Options that clients tell of themselves. */
const option = { vendorClass: 60, userClass: 77, architecture: 93, ipxe: 175 } as const;

/** The loader of UEFI machines: iPXE; the shim that Microsoft signed, with the GRUB that it trusts; or, with no loader at
 *  all, the whole image in one file, which an operator signed. */
export type Loader = 'ipxe' | 'shim' | 'unified';

interface Kind {
  /** As an operator knows it. */
  readonly name: string;
  readonly firmware: 'bios' | 'uefi';
  /** UEFI that takes a URL in place of a file's name has an architecture of its own. */
  readonly isHttp: boolean;
  /** The loaders that it can run, in the boot directory, the best first. */
  readonly loaders: readonly string[];
}

/** A client, by what it can load: `ipxe` reads scripts, `http` takes a URL, `pxe` takes the name of a file. */
export interface Client extends Pick<Kind, 'name' | 'firmware' | 'loaders'> {
  readonly takes: 'ipxe' | 'http' | 'pxe';
}

/** For firmware with Secure Boot, which does not start iPXE. Each starts the GRUB beside it, which speaks TFTP alone. */
const shims = { x64: 'x86_64/shimx64.efi', arm64: 'arm64/shimaa64.efi' } as const;
/** Kernel, initramfs and their parameters in one file. */
const unified = { x64: 'x86_64/agent.efi', arm64: 'arm64/agent.efi' } as const;
/** The names of the loaders that iPXE starts for a machine's disk: for UEFI, for a BIOS. */
export const localLoaders = ['local.efi', 'local.pxe'] as const;
/** Loaders that a shim fetches by itself. */
export const secondLoaders: readonly string[] = ['x86_64/grubx64.efi', 'arm64/grubaa64.efi'];

/** iPXE for UEFI with drivers of its own, else with the firmware's. */
const ipxeX64 = ['x86_64/ipxe.efi', 'x86_64/snponly.efi'];
const ipxeArm64 = ['arm64/ipxe.efi', 'arm64/snponly.efi'];
const x64 = [...ipxeX64, shims.x64, unified.x64];
const arm64 = [...ipxeArm64, shims.arm64, unified.arm64];

const kinds: ReadonlyMap<number, Kind> = new Map([
  [0, { name: 'BIOS', firmware: 'bios', isHttp: false, loaders: ['x86_64/undionly.kpxe'] }],
  [6, uefi('32-bit UEFI', [])],
  [7, uefi('x64 UEFI', x64)],
  [9, uefi('x64 UEFI', x64)],
  [10, uefi('32-bit ARM UEFI', [])],
  [11, uefi('arm64 UEFI', arm64)],
  [15, httpBoot('32-bit UEFI', [])],
  [16, httpBoot('x64 UEFI', [...ipxeX64, unified.x64])],
  [18, httpBoot('32-bit ARM UEFI', [])],
  [19, httpBoot('arm64 UEFI', [...ipxeArm64, unified.arm64])],
]);

const unknown: Kind = uefi('unknown firmware', []);

function uefi(name: string, loaders: readonly string[]): Kind {
  return { name, firmware: 'uefi', isHttp: false, loaders };
}

function httpBoot(name: string, loaders: readonly string[]): Kind {
  return { name: `${name}, HTTP boot`, firmware: 'uefi', isHttp: true, loaders };
}

/** Every loader that is ever named to a client, as ARCH/NAME. */
export const loaderFiles: readonly string[] = [
  ...new Set([...kinds.values()].flatMap(({ loaders }) => loaders)),
];

/** Reads the setting `boot.loader`; undefined for anything else. */
export function parseLoader(text: string): Loader | undefined {
  return text === 'ipxe' || text === 'shim' || text === 'unified' ? text : undefined;
}

/** The loaders for a client where an operator chose one. A BIOS knows no signatures. */
export function loadersFor({ firmware, loaders }: Client, loader: Loader): readonly string[] {
  if (firmware === 'bios' || loader === 'ipxe') return loaders;
  const chosen: readonly string[] = Object.values(loader === 'shim' ? shims : unified);
  return loaders.filter((file) => chosen.includes(file));
}

/** The client that sent this; undefined for one that does not ask to boot. */
export function clientOf({ options }: Request): Client | undefined {
  const vendorClass = textOf(options.get(option.vendorClass));
  const [, protocol, number] =
    /^(PXE|HTTP)Client(?:$|\0|:(?:Arch:(\d{5}))?)/.exec(vendorClass) ?? [];
  if (protocol === undefined) return undefined;
  const { name, firmware, isHttp, loaders } =
    architecturesOf(options.get(option.architecture), number)
      .map((code) => kinds.get(code))
      .find((kind) => kind !== undefined) ?? unknown;
  const isIpxe = options.has(option.ipxe) || /iPXE/.test(textOf(options.get(option.userClass)));
  if (isIpxe) return { name: `iPXE on ${name}`, firmware, takes: 'ipxe', loaders: [] };
  const wantsHttp = protocol === 'HTTP';
  // Nothing fits firmware that asks in one way and names the architecture of the other.
  const fitting = isHttp === wantsHttp ? loaders : [];
  return { name, firmware, takes: wantsHttp ? 'http' : 'pxe', loaders: fitting };
}

/** From option 93, which may name several; old ROMs have one in the vendor class alone. */
function architecturesOf(named: Uint8Array | undefined, inClass: string | undefined): number[] {
  if (named === undefined || named.length < 2)
    return inClass === undefined ? [] : [Number(inClass)];
  const bytes = Buffer.from(named);
  return Array.from({ length: bytes.length >> 1 }, (_, i) => bytes.readUInt16BE(2 * i));
}

function textOf(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString('latin1');
}
