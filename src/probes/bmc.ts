// The management controller (BMC), if there is one, and its address.
import type { Probe } from './probe.ts';
import { Reading } from './reading.ts';
import { readSmbios } from './smbios/read.ts';

/** Source: SMBIOS types 38 and 42; the kernel's IPMI driver; `ipmitool lan print`, but only if the kernel
 *  has an IPMI device, because without one ipmitool would load modules and wait. Only both sources
 *  together can say that there is no BMC. */
export const bmcProbe: Probe<'bmc'> = {
  name: 'bmc',
  async read(root, report) {
    const read = new Reading(root, 'bmc', report);
    const [smbios, devices] = await Promise.all([readSmbios(read.quietly()), read.list('/dev')]);
    const hasDevice = devices?.some((name) => /^ipmi(\d+|dev)?$/.test(name)) ?? false;
    const lan = hasDevice ? await readLan(read) : {};
    const { ipmi, hasHostInterface, redfishAddress } = smbios?.tables ?? {};
    const isPresent = hasDevice || ipmi !== undefined || hasHostInterface === true;
    if (!isPresent && (smbios === undefined || devices === undefined)) return undefined;
    return {
      is_present: isPresent,
      interface_type: ipmi?.interfaceType ?? (hasDevice ? await kernelInterface(read) : null),
      address: lan.address ?? null,
      address_source: lan.source ?? null,
      mac: lan.mac ?? null,
      firmware_version: hasDevice ? await firmwareVersion(read) : null,
      host_address: redfishAddress ?? null,
    };
  },
};

/** The first LAN channel with an address. ipmitool's own choice comes first; on some boards the port is on
 *  another of the channels 1 to 15. */
async function readLan(read: Reading): Promise<Lan> {
  const first = (await read.exec('ipmitool', ['lan', 'print'])) ?? '';
  const own = parseLanPrint(first);
  if (own.address !== undefined) return { ...own, source: 'ipmitool lan print' };
  if (!/^MAC Address/m.test(first)) return own;
  const channels = Array.from({ length: 15 }, (_, i) => String(i + 1));
  const withPort: string[] = [];
  for (const channel of channels) {
    const text = await read.quietly().exec('ipmitool', ['lan', 'print', channel]);
    const lan = parseLanPrint(text ?? '');
    if (lan.address !== undefined) return { ...lan, source: 'ipmitool lan print' };
    if (lan.mac !== undefined) withPort.push(channel);
  }
  for (const channel of withPort.length > 0 ? withPort : ['1']) {
    const text = await read.quietly().exec('ipmitool', ['lan6', 'print', channel]);
    const address = parseLan6Print(text ?? '');
    if (address !== undefined) return { ...own, address, source: 'ipmitool lan6 print' };
  }
  return own;
}

interface Lan {
  address?: string;
  mac?: string;
  source?: string;
}

/** Source: kernel Documentation/ABI/testing/sysfs-interface-bmc. */
async function firmwareVersion(read: Reading): Promise<string | null> {
  const file = '/sys/class/ipmi/ipmi0/device/bmc/firmware_revision';
  return (await read.quietly().value(file)) ?? null;
}

/** The first active address of an IPv6 LAN channel that others can reach; undefined if it has none. */
export function parseLan6Print(text: string): string | undefined {
  const found = text.matchAll(
    /^[ \t]+Address:[ \t]*([0-9a-f:]{2,39})\/\d{1,3}[ \t]*\n(?:[ \t]+(?!Address:|Status:)\S.*\n)*[ \t]+Status:[ \t]*active/gim,
  );
  return [...found]
    .map(([, address = '']) => address.toLowerCase())
    .find((address) => !/^(?:fe[89ab]|::$)/.test(address));
}

/** The kernel's interface to it. A controller on PCI is in no SMBIOS table. */
async function kernelInterface(read: Reading): Promise<string | null> {
  const type = await read.value('/sys/class/ipmi/ipmi0/device/type');
  return type !== undefined && /^(kcs|smic|bt|ssif)$/.test(type) ? type.toUpperCase() : null;
}

/** Address and MAC of the BMC's LAN channel; one that is not set is left out. */
export function parseLanPrint(text: string): { address?: string; mac?: string } {
  const address = /^IP Address[ \t]*:[ \t]*(\d{1,3}(?:\.\d{1,3}){3})[ \t]*$/m.exec(text)?.[1];
  const mac = /^MAC Address[ \t]*:[ \t]*((?:[0-9a-f]{2}:){5}[0-9a-f]{2})[ \t]*$/im.exec(text)?.[1];
  return {
    ...(address !== undefined && address !== '0.0.0.0' && { address }),
    ...(mac !== undefined && mac !== '00:00:00:00:00:00' && { mac: mac.toLowerCase() }),
  };
}
