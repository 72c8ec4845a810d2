// The USB devices, without the root hubs that are part of a controller.
import type { UsbDevice } from '../../model/details.ts';
import type { Probe } from '../probe.ts';
import { Reading } from '../reading.ts';

const base = '/sys/bus/usb/devices';

export const usbProbe: Probe<'usbDevices'> = {
  name: 'usbDevices',
  async read(root, report) {
    const read = new Reading(root, 'usbDevices', report);
    const names = await read.list(base);
    // "1-4.2"; an interface of it is "1-4.2:1.0", a root hub "usb1".
    const ports = names?.filter((name) => /^\d+-[\d.]+$/.test(name));
    return ports && (await Promise.all(ports.map((port) => readDevice(read, port))));
  },
};

async function readDevice(read: Reading, port: string): Promise<UsbDevice> {
  const [vendorId, productId, vendor, product, serial, speed] = await Promise.all(
    ['idVendor', 'idProduct', 'manufacturer', 'product', 'serial', 'speed'].map((file) =>
      read.value(`${base}/${port}/${file}`),
    ),
  );
  return {
    port,
    id: `${vendorId ?? '????'}:${productId ?? '????'}`,
    vendor: vendor ?? null,
    product: product ?? null,
    serial: serial ?? null,
    // Low speed is 1.5.
    speed_mbps: speed !== undefined && /^\d{1,6}(\.\d)?$/.test(speed) ? Number(speed) : null,
  };
}
