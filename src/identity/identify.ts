// Derives the identity of a machine from its facts, with a reason for every source that is used or not.
// Pure. Random and shared values never reach the hash.
import type { Facts, Identity } from '../model/inventory.ts';
import type { NetworkInterface } from '../model/hardware/network-interface.ts';
import { computeIdentityHash, identityBytes } from './hash.ts';
import { isJunkMac, normalizeMac } from './macs.ts';
import { uuidPlaceholder, uuidWeakness } from './placeholders.ts';

/** A value that could identify the machine. */
export interface IdentitySource {
  kind: 'mac' | 'smbios_uuid' | 'machine_id';
  /** The value as read; null if there was none. */
  value: string | null;
  /** The path or command that it was read from. */
  source: string;
  used: boolean;
  /** The reason why it is not used, or a remark about it. */
  why: string | null;
}

/** The reasons for an identity, as `identify --explain` shows them. */
export interface IdentityExplanation {
  sources: IdentitySource[];
  /** The reason for the choice of the primary MAC. */
  primary: string;
  /** The bytes that were hashed, as text. */
  hashed: string;
}

/** The identity of the machine that has these facts.
 *  Source: rules 1–7, 16–20, 23 and 24 for identity sources; the hash is storage-schema.md's. */
export function identify(facts: Partial<Facts>): {
  identity: Identity;
  explanation: IdentityExplanation;
} {
  const interfaces = facts.network?.interfaces ?? [];
  const macs = explainMacs(interfaces);
  const uuid = explainUuid(facts.dmi?.system_uuid ?? null);
  const machineIds = explainMachineId(facts.machineId);
  const smbiosUuid = uuid.used && uuid.value !== null ? uuid.value.toLowerCase() : null;
  const machineId = machineIds.find((s) => s.used)?.value ?? null;
  const primary = choosePrimary(macs, facts);
  const fit = new Set(macs.filter((m) => m.source.used).map((m) => m.mac));
  // A machine has to be known by something: by its primary MAC where no other one is fit.
  const isLast = fit.size === 0 && primary.mac !== null && !primary.isNobodys;
  const allMacs = isLast && primary.mac !== null ? [primary.mac] : [...fit].toSorted();
  return {
    identity: {
      primary_mac: primary.mac,
      all_macs: allMacs,
      smbios_uuid: smbiosUuid,
      machine_id: machineId,
      identity_hash: computeIdentityHash(allMacs, smbiosUuid, machineId),
    },
    explanation: {
      sources: [...macs.map((m) => m.source), uuid, ...machineIds],
      primary: primary.why,
      hashed: identityBytes(allMacs, smbiosUuid, machineId),
    },
  };
}

interface MacSource {
  mac: string;
  nic: NetworkInterface;
  source: IdentitySource;
}

function explainMacs(interfaces: readonly NetworkInterface[]): MacSource[] {
  const seen = new Map<string, string>();
  return interfaces.map((nic) => {
    const mac = normalizeMac(nic.mac) ?? nic.mac;
    const unfit = unfitMac(nic, mac, seen.get(mac));
    if (unfit === undefined) seen.set(mac, nic.name);
    const source: IdentitySource = {
      kind: 'mac',
      value: nic.mac,
      source: `/sys/class/net/${nic.name}`,
      used: unfit === undefined,
      why: unfit ?? usedAs(nic),
    };
    return { mac, nic, source };
  });
}

/** The reason why a NIC's MAC does not count; undefined if it counts. */
function unfitMac(nic: NetworkInterface, mac: string, sameAs?: string): string | undefined {
  if (nic.kind === 'infiniband') return 'InfiniBand: its hardware address is not a MAC';
  if (normalizeMac(mac) === undefined) return 'not a MAC address';
  if (isJunkMac(mac)) return 'placeholder: no NIC has it for its own';
  if (nic.mac_origin === 'random') return 'made up by the kernel at this boot';
  if (nic.mac_origin === 'set') return 'set by somebody, and the one of the hardware is not known';
  if (nic.is_bmc) return "BMC's NIC towards its host: shared by a model line";
  if (nic.is_usb) return 'USB NIC: moves between machines, or is shared by a model line';
  if (nic.is_docked === true) return 'in a dock: moves between machines';
  if (nic.is_vf) return 'virtual function: its physical function counts';
  if (nic.kind === 'wlan') return 'wireless: its address may be randomised';
  if (sameAs !== undefined) return `same address as ${sameAs}: counted once`;
  return undefined;
}

function usedAs(nic: NetworkInterface): string | null {
  if (nic.bond !== null) return `member of ${nic.bond}: permanent address used`;
  return nic.current_mac === null ? null : `permanent address used; it has ${nic.current_mac} now`;
}

function explainUuid(uuid: { value: string; source: string } | null): IdentitySource {
  const kind = 'smbios_uuid';
  if (uuid === null) return { kind, value: null, source: 'SMBIOS', used: false, why: 'not found' };
  const { value, source } = uuid;
  const placeholder = uuidPlaceholder(value);
  const why = placeholder ?? uuidWeakness(value) ?? null;
  return { kind, value, source, used: placeholder === undefined, why };
}

function explainMachineId(facts: Facts['machineId'] | undefined): IdentitySource[] {
  const kind = 'machine_id';
  const rejected = (facts?.rejected ?? []).map((r) => ({ kind, ...r, used: false }) as const);
  const id = facts?.machine_id ?? null;
  if (id !== null) return [{ kind, ...id, used: true, why: null }, ...rejected];
  if (rejected.length > 0) return rejected;
  return [{ kind, value: null, source: '/etc/machine-id', used: false, why: 'not found' }];
}

/** Source: rule 23. A NIC that cannot identify the machine is never primary, unless the machine has no
 *  other: there are boards whose only port is on USB. */
function choosePrimary(
  macs: readonly MacSource[],
  { bootPort, routes }: Partial<Facts>,
): { mac: string | null; why: string; isNobodys?: boolean } {
  const boot = normalizeMac(bootPort?.value ?? '');
  // The boot NIC counts even if no driver shows it, but never if its MAC is unfit.
  const known = macs.filter((m) => m.mac === boot);
  if (
    boot !== undefined &&
    !isJunkMac(boot) &&
    (known.length === 0 || known.some((m) => m.source.used))
  ) {
    return { mac: boot, why: 'the firmware booted from it' };
  }
  const fit = macs.filter((m) => m.source.used).toSorted((a, b) => compareNics(a.nic, b.nic));
  const route = routes?.default?.interface;
  const routed = fit.find((m) => carriesRoute(m.nic, route));
  if (routed !== undefined)
    return { mac: routed.mac, why: `the route to the server is over ${route}` };
  const up = fit.find((m) => m.nic.carrier === true);
  if (up !== undefined) return { mac: up.mac, why: 'first with a link, by PCI address' };
  if (fit[0] !== undefined)
    return { mac: fit[0].mac, why: 'first by PCI address; none has a link' };
  const last = lastResort(macs);
  if (last !== undefined) return last;
  const nobodys = macs.filter(({ nic, mac }) => !nic.is_vf && normalizeMac(mac) && mac !== zeros);
  const named = nobodys.toSorted((a, b) => lent(a.nic) - lent(b.nic))[0];
  if (named !== undefined) {
    return { mac: named.mac, why: 'the only address; it identifies nothing', isNobodys: true };
  }
  const none = macs.length === 0 ? 'no physical NIC was found' : 'no NIC can identify it';
  return { mac: null, why: none };
}

/** Orders addresses that identify nothing: a port's own first, a BMC's last. */
function lent({ is_usb: isUsb, is_bmc: isBmc }: NetworkInterface): number {
  return Number(isUsb) + Number(isBmc);
}

const zeros = '00:00:00:00:00:00';

/** Drivers of USB network gadgets, phones and modems, whose address is made up or the same for a whole model line
 *  (rule 17), and of a gadget that this machine itself is. */
const gadgetDrivers =
  /^(?:cdc_\w+|huawei_cdc_ncm|rndis_host|rndis_wlan|qmi_wwan|sierra_net|ipheth|g_\w+|configfs-gadget.*)$/;

/** A USB adapter or dock with an address of its own, preferably with a link, else a wireless NIC. */
function lastResort(macs: readonly MacSource[]): { mac: string; why: string } | undefined {
  const odd = macs.filter(
    ({ nic, mac }) => !nic.is_bmc && !nic.is_vf && !isJunkMac(mac) && nic.mac_origin === undefined,
  );
  const plugged = odd.filter(
    ({ nic }) =>
      nic.is_docked === true ||
      (nic.is_usb && nic.driver !== null && !gadgetDrivers.test(nic.driver)),
  );
  const wired = plugged.find(({ nic }) => nic.carrier === true) ?? plugged[0];
  if (wired !== undefined) {
    return { mac: wired.mac, why: `no other NIC: the ${wired.nic.is_usb ? 'USB' : "dock's"} one` };
  }
  const wireless = odd.find(({ nic }) => nic.kind === 'wlan');
  return wireless && { mac: wireless.mac, why: 'no wired NIC: the wireless one' };
}

/** True if traffic over `route` ("eth0", "bond0", "eth0.100") uses this NIC. */
function carriesRoute(nic: NetworkInterface, route: string | undefined): boolean {
  if (route === undefined) return false;
  const parent = route.replace(/\.\d+$/, '');
  return [route, parent].some((name) => nic.name === name || nic.bond === name);
}

/** By PCI address (domain, bus, device, function), then by name. */
function compareNics(a: NetworkInterface, b: NetworkInterface): number {
  return pciOrder(a) - pciOrder(b) || (a.name < b.name ? -1 : 1);
}

function pciOrder({ pci_address: address }: NetworkInterface): number {
  const match = /^([0-9a-f]+):([0-9a-f]+):([0-9a-f]+)\.([0-9a-f]+)$/i.exec(address ?? '');
  if (match === null) return Number.MAX_SAFE_INTEGER;
  const [domain = 0, bus = 0, device = 0, fn = 0] = match
    .slice(1)
    .map((part) => parseInt(part, 16));
  return ((domain * 256 + bus) * 32 + device) * 8 + fn;
}
