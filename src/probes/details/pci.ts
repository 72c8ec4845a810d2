// All PCI devices. Their names are added by whoever has a list of them: see names.ts.
import type { PciDevice } from '../../model/details.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import { baseName } from '../sysfs/base-name.ts';

const base = '/sys/bus/pci/devices';

export const pciProbe: Probe<'pciDevices'> = {
  name: 'pciDevices',
  async read(root, report) {
    const read = new Reading(root, 'pciDevices', report);
    const addresses = await read.list(base);
    return addresses && (await Promise.all(addresses.map((address) => readDevice(read, address))));
  },
};

async function readDevice(read: Reading, address: string): Promise<PciDevice> {
  const dir = `${base}/${address}`;
  const [deviceClass, ids, subsystem, driver, group, node] = await Promise.all([
    read.value(`${dir}/class`),
    readIds(read, dir, ['vendor', 'device']),
    readIds(read, dir, ['subsystem_vendor', 'subsystem_device']),
    read.link(`${dir}/driver`),
    read.link(`${dir}/iommu_group`),
    read.value(`${dir}/numa_node`),
  ]);
  return {
    address,
    class: deviceClass?.replace(/^0x/, '') ?? '',
    class_name: null,
    id: ids ?? '',
    vendor_name: null,
    device_name: null,
    subsystem_id: subsystem === '0000:0000' ? null : (subsystem ?? null),
    driver: driver === undefined ? null : baseName(driver),
    iommu_group: group === undefined ? null : Number(baseName(group)),
    // -1: on a machine of one node.
    numa_node: node !== undefined && /^\d{1,5}$/.test(node) ? Number(node) : null,
  };
}

/** "8086:1533" of two files; undefined where one is missing. */
export async function readIds(
  read: Reading,
  dir: string,
  files: readonly [vendor: string, device: string],
): Promise<string | undefined> {
  const ids = await Promise.all(files.map((file) => read.value(`${dir}/${file}`)));
  const known = ids.filter((id) => id !== undefined).map((id) => id.replace(/^0x/, ''));
  return known.length === 2 ? known.join(':') : undefined;
}
