// Finds the values that identify a machine in the reads of its capture: in the facts, in files and fields
// that hold nothing else, and anywhere by their shape. Must not change anything.
import { isJunkMac, normalizeMac } from '../identity/macs.ts';
import { isPlaceholderWwn, uuidPlaceholder } from '../identity/placeholders.ts';
import { dashed, isUuid } from '../identity/uuid.ts';
import type { Facts } from '../model/inventory.ts';
import { ipv6Digits } from '../probes/network/ip-address.ts';
import { dropPlaceholder } from '../identity/placeholder-text.ts';
import type { Read } from '../sources/captured/recording.ts';

/** mac: lower case with colons (longer for InfiniBand); uuid: lower case with dashes; hex: a lower-case
 *  number such as a machine-id or WWN; text: a serial number; host: a host name. */
export type SecretKind = 'mac' | 'uuid' | 'hex' | 'text' | 'host';

export class Secrets {
  readonly kinds = new Map<string, SecretKind>();
  /** Values that stand where a secret could but identify nothing. They must not change, even if a part of
   *  one is somebody's serial number. */
  readonly placeholders = new Set<string>();

  /** Adds a value as what it looks like. Placeholders identify nothing and stay. */
  add(raw: string | null | undefined): void {
    const value = (raw ?? '').replaceAll('\0', '').trim();
    const lower = value.toLowerCase();
    const mac = normalizeMac(value);
    if (dropPlaceholder(value) === null || this.#common.has(value)) {
      if (value !== '') this.placeholders.add(value);
      return;
    }
    // network-texts.ts replaces IP addresses.
    if (value.length < 3 || isIpAddress(value)) return;
    if (mac !== undefined && /[:-]/.test(value)) this.#addMac(mac);
    else if (/^[0-9a-f]{2}(:[0-9a-f]{2}){7,}$/.test(lower)) this.kinds.set(lower, 'mac');
    else if (isUuid(lower)) this.#addUuid(lower);
    else if (/^(0x)?[0-9a-f]{16,}$/.test(lower)) this.#addHex(lower.replace(/^0x/, ''));
    else if (wwnShape.test(lower)) this.#addHex(lower.replace(/^[a-z]+\./, ''));
    else if (!this.kinds.has(value)) this.kinds.set(value, 'text');
  }

  /** Names of products and vendors, which some put where a serial number belongs. */
  readonly #common = new Set<string>();

  constructor(common: readonly string[]) {
    for (const name of common) this.#common.add(name);
  }

  addHost(raw: string | null | undefined): void {
    const value = (raw ?? '').trim();
    if (value.length < 2 || isCommonHost(value)) return;
    const [label = '', ...domain] = value.split('.');
    for (const name of [value, label, domain.length > 1 ? domain.join('.') : '']) {
      if (name.length > 1 && !this.kinds.has(name)) this.kinds.set(name, 'host');
    }
  }

  #addMac(mac: string): void {
    if (!isJunkMac(mac)) this.kinds.set(mac, 'mac');
  }

  #addUuid(uuid: string): void {
    if (uuidPlaceholder(uuid) === undefined) this.kinds.set(uuid, 'uuid');
  }

  #addHex(digits: string): void {
    if (!/^(.)\1*$/.test(digits) && !isPlaceholderWwn(digits)) this.kinds.set(digits, 'hex');
  }
}

/** True for names that systems have until somebody names them. */
export function isCommonHost(name: string): boolean {
  return notHosts.has(name.toLowerCase());
}

function isIpAddress(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text) || ipv6Digits(text) !== undefined;
}

const wwnShape = /^(naa|eui|uuid)\.[0-9a-f]{16,}$/;
/** The chassis asset tag of every virtual machine at Azure. */
const azureTag = '7783-7084-3265-9085-8269-3286-77';
/** Occur in the names of UEFI's own variables. */
const efiGlobalVariable = '8be4df61-93ca-11d2-aa0d-00e098032b8c';
/** Host names of systems that nobody has named. */
const notHosts = new Set(
  (
    'localhost localhost.localdomain (none) none unassigned linux host dragonfly debian ubuntu fedora ' +
    'archlinux alpine nixos raspberrypi'
  ).split(' '),
);

/** Files that hold a single identifying value. */
const identifyingFile =
  /\/(address|.*serial([_-]?number)?|.*asset_tag|wwid|n?guid|.*uuid|eui|cid|sas_address|port_name|node_name|subsysnqn|machine-id|vm,uuid)$/;
/** Fields that hold one: of udev, uevents, dmidecode, /proc/cpuinfo and /proc/sysinfo. */
const identifyingField =
  /^\s*(?:[EI]:)?(?:\w*(?:SERIAL|WWN|WWID|UUID|GUID|IDENT|NQN)\w*|Serial(?: Number)?|Asset Tag|UUID|LPAR (?:Name|UUID)|VM\d+ (?:Name|UUID)|Sequence Code|system-id)\s*[:=]\s*(.*\S)/gim;
const macsAnywhere =
  /(?<![0-9a-f]|[0-9a-f][:-])(?:[0-9a-f]{2}(?:[:-][0-9a-f]{2}){19}|[0-9a-f]{2}(?:[:-][0-9a-f]{2}){7}|[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5})(?![:-]?[0-9a-f])/gi;
const bootifMac = /\b01-((?:[0-9a-f]{2}-){5}[0-9a-f]{2})/gi;
const uuidsAnywhere = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/gi;
/** In udev's names and links: "wwn-0x5000c500…", "fc-0x500a0983…-lun-0", "nvme-eui.0025…". */
const wwnsAnywhere = /(?<![0-9a-f])(?:0x|naa\.|eui\.)([0-9a-f]{16}|[0-9a-f]{32})(?![0-9a-f])/gi;
/** The UUID of an array as mdadm and dracut write it: 10111213:14151617:18191a1b:1c1d1e1f. */
const arraysAnywhere = /(?<![0-9a-f:])[0-9a-f]{8}(?::[0-9a-f]{8}){3}(?![0-9a-f:])/gi;
/** True for a file that holds a host name: this host's, or that of a system found on a disk. */
export function isHostFile(path: string): boolean {
  return path === '/proc/sys/kernel/hostname' || path.endsWith('/etc/hostname');
}

/** Names of facts that identify the machine. */
const identifyingFact =
  /^(serial|wwn|asset_tag|fs_uuid|machine_id|mac|current_mac|address|guid|uuid|group)$/;

/** Collects everything to redact in a capture. */
export function findSecrets(reads: readonly Read[], facts: Partial<Facts>): Secrets {
  const { system, board, firmware } = facts.dmi ?? {};
  const named = [system?.vendor, system?.product, board?.vendor, board?.product, firmware?.vendor];
  const common = [...named, azureTag, efiGlobalVariable];
  const secrets = new Secrets(common.filter((name) => typeof name === 'string'));
  secrets.add(facts.dmi?.system_uuid?.value);
  addFacts(secrets, facts);
  for (const { asked, outcome } of reads) {
    const { value } = 'value' in outcome ? outcome : { value: undefined };
    if (asked.read === 'exec' || value === undefined) {
      if (typeof value === 'string') addText(secrets, value);
      continue;
    }
    for (const text of [asked.path, ...(Array.isArray(value) ? value : [])])
      addShapes(secrets, text);
    if (typeof value !== 'string') continue;
    if (asked.read === 'link') addShapes(secrets, value);
    else if (isHostFile(asked.path)) secrets.addHost(value);
    else if (identifyingFile.test(asked.path)) secrets.add(value);
    if (asked.read === 'text') addText(secrets, value);
  }
  return secrets;
}

function addFacts(secrets: Secrets, value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner !== 'string') addFacts(secrets, inner);
    else if (name === 'hostname') secrets.addHost(inner);
    else if (identifyingFact.test(name)) secrets.add(inner);
  }
}

function addText(secrets: Secrets, text: string): void {
  addShapes(secrets, text);
  const values = [...text.matchAll(identifyingField)].map(
    // In fstab a path follows, and more.
    ([, value = '']) => /^(\S+)\s+(?:\/|none\b|swap\b)/.exec(value)?.[1] ?? value,
  );
  for (const value of values) {
    // udev's ID_SERIAL is model plus serial. The model must stay; the serial alone is found elsewhere.
    const isMadeOfOther = values.some((other) => value.endsWith(`_${other}`));
    if (!isMadeOfOther) secrets.add(value.replaceAll('\\x20', ' '));
  }
}

function addShapes(secrets: Secrets, text: string): void {
  for (const [, mac] of text.matchAll(bootifMac)) secrets.add(mac);
  for (const [mac] of text.matchAll(macsAnywhere)) secrets.add(mac.replaceAll('-', ':'));
  for (const [uuid] of text.matchAll(uuidsAnywhere)) secrets.add(uuid);
  for (const [, wwn] of text.matchAll(wwnsAnywhere)) secrets.add(wwn);
  for (const [uuid] of text.matchAll(arraysAnywhere)) {
    secrets.add(dashed(uuid.toLowerCase().replaceAll(':', '')));
  }
}
