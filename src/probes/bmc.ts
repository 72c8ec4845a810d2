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
    const lan = hasDevice
      ? parseLanPrint((await read.exec('ipmitool', ['lan', 'print'])) ?? '')
      : {};
    const { ipmi, redfishAddress } = smbios?.tables ?? {};
    const isPresent = hasDevice || ipmi !== undefined || redfishAddress !== undefined;
    if (!isPresent && (smbios === undefined || devices === undefined)) return undefined;
    return {
      is_present: isPresent,
      interface_type: ipmi?.interfaceType ?? (hasDevice ? await kernelInterface(read) : null),
      address: lan.address === undefined ? null : { value: lan.address, source: command },
      mac: lan.mac ?? null,
      host_address: redfishAddress ?? null,
    };
  },
};

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
