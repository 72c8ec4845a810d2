// The network ports in detail: PCI ids, duplex, firmware, addresses.
import type { PortDetails } from '../../model/details.ts';
import { readAddresses } from '../network/addresses.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';
import { lastPciAddress } from '../sysfs/pci-address.ts';
import { readIds } from './pci.ts';

const base = '/sys/class/net';

/** Source: /sys/class/net; `ethtool -i` for the firmware, which Node cannot ask for itself. */
export const portDetailsProbe: Probe<'portDetails'> = {
  name: 'portDetails',
  async read(root, report) {
    const read = new Reading(root, 'portDetails', report);
    const names = await read.list(base);
    const held = (await readAddresses(read.quietly(), { exact: true })) ?? [];
    const ports = await Promise.all((names ?? []).map((name) => readPort(read, name)));
    return (
      names &&
      ports
        .filter((port) => port !== undefined)
        .map((port) => ({
          ...port,
          addresses: held
            .filter((one) => one.interface === port.name)
            .map(({ address, scope }) => ({ address, scope })),
        }))
    );
  },
};

async function readPort(
  read: Reading,
  name: string,
): Promise<Omit<PortDetails, 'addresses'> | undefined> {
  const dir = `${base}/${name}`;
  const device = await read.link(`${dir}/device`);
  if (device === undefined || device.startsWith('/sys/devices/virtual/')) return undefined;
  // A virtio port's own device is not the one on PCI.
  const address = lastPciAddress(device);
  const pci = `/sys/bus/pci/devices/${address ?? ''}`;
  const [pciId, subsystem, duplex, driver] = await Promise.all([
    address === undefined ? undefined : readIds(read, pci, ['vendor', 'device']),
    address === undefined
      ? undefined
      : readIds(read, pci, ['subsystem_vendor', 'subsystem_device']),
    read.value(`${dir}/duplex`),
    read.quietly().exec('ethtool', ['-i', name]),
  ]);
  const firmware = /^firmware-version:[ \t]*(\S.*)$/m.exec(driver ?? '')?.[1]?.trim();
  return {
    name,
    pci_id: pciId ?? null,
    subsystem_id: subsystem ?? null,
    duplex: duplex === 'unknown' ? null : (duplex ?? null),
    firmware: firmware === undefined || firmware === 'N/A' ? null : firmware,
  };
}
