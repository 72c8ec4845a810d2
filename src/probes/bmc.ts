// The management controller (BMC), if there is one, and its address.
import type { Probe } from './probe.ts';
import { Reading } from './reading.ts';
import { readSmbios } from './smbios/read.ts';

const command = 'ipmitool lan print';

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
      address_source: lan.address === undefined ? null : command,
      mac: lan.mac ?? null,
      host_address: redfishAddress ?? null,
    };
  },
};

/** The first LAN channel with an address. ipmitool's own choice comes first; on some boards the port is on
 *  another of the channels 1 to 15. */
async function readLan(read: Reading): Promise<{ address?: string; mac?: string }> {
  const own = parseLanPrint((await read.exec('ipmitool', ['lan', 'print'])) ?? '');
  if (own.address !== undefined || own.mac === undefined) return own;
  for (let channel = 1; channel <= 15; channel += 1) {
    const text = await read.quietly().exec('ipmitool', ['lan', 'print', String(channel)]);
    const lan = parseLanPrint(text ?? '');
    if (lan.address !== undefined) return lan;
  }
  return own;
}

/** The kernel's interface to it. A controller on PCI is in no SMBIOS table. */
async function kernelInterface(read: Reading): Promise<string | null> {
  const type = await read.value('/sys/class/ipmi/ipmi0/device/type');
  return type !== undefined && /^(kcs|smic|bt)$/.test(type) ? type.toUpperCase() : null;
}

/** Address and MAC of the BMC's LAN channel; an address that is not set is left out. */
export function parseLanPrint(text: string): { address?: string; mac?: string } {
  const address = /^IP Address[ \t]*:[ \t]*(\d{1,3}(?:\.\d{1,3}){3})[ \t]*$/m.exec(text)?.[1];
  const mac = /^MAC Address[ \t]*:[ \t]*((?:[0-9a-f]{2}:){5}[0-9a-f]{2})[ \t]*$/im.exec(text)?.[1];
  return {
    ...(address !== undefined && address !== '0.0.0.0' && { address }),
    ...(mac !== undefined && { mac: mac.toLowerCase() }),
  };
}
