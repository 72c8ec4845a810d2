// Chooses a disk's serial number and model from the many sources. Pure.
import { clean } from '../reading.ts';
import { decodeUdev } from './udev-data.ts';

type Udev = ReadonlyMap<string, string>;

/** The disk's own serial number: from the kernel, then from udev's properties, the barest first, and last
 *  the number of a USB bridge, which udev reports too. */
export function chooseSerial(sources: {
  kernel: string | undefined;
  vpd: string | undefined;
  udev: Udev;
  usb: string | undefined;
}): string | undefined {
  const { kernel, vpd, udev, usb } = sources;
  const keys = ['SCSI_IDENT_SERIAL', 'ID_SCSI_SERIAL', 'ID_SERIAL_SHORT', 'ID_SERIAL'];
  const candidates = [kernel, vpd, ...keys.map((key) => udev.get(key)), usb];
  return candidates.map((text) => clean(text ?? '')).find((text) => !isBlankSerial(text));
}

/** Nothing but zeros, as memory cards have whose register was never written. */
function isBlankSerial(text: string): boolean {
  return /^(?:0x)?0*$/i.test(text);
}

/** SCSI cuts a model at 16 characters, so udev's is preferred to the kernel's, and to both the longer
 *  name that udev's name for the whole disk begins with. */
export function chooseModel(sources: {
  kernel: string | undefined;
  ata: string | undefined;
  udev: Udev;
}): string | undefined {
  const { kernel, ata, udev } = sources;
  const encoded = udev.get('ID_MODEL_ENC');
  const short = clean(encoded === undefined ? '' : decodeUdev(encoded)) || clean(kernel ?? '');
  const candidates = [
    ata,
    longerInUdev(udev, short),
    short,
    udev.get('ID_MODEL')?.replaceAll('_', ' '),
  ];
  return candidates.map((text) => clean(text ?? '')).find((text) => text !== '');
}

/** udev builds ID_SERIAL from model and serial: "Samsung_SSD_860_EVO_500GB_S3Z2NB0K123456". Other rules put
 *  other things in front, so it counts only if it begins with the known model. */
function longerInUdev(udev: Udev, known: string): string | undefined {
  const [whole, serial] = [udev.get('ID_SERIAL'), udev.get('ID_SERIAL_SHORT')];
  if (known === '' || whole === undefined || !serial || !whole.endsWith(`_${serial}`)) {
    return undefined;
  }
  const model = whole.slice(0, -serial.length - 1).replaceAll('_', ' ');
  const isLonger = model.length > known.length && model.startsWith(known.replaceAll('_', ' '));
  return isLonger ? model : undefined;
}

/** The unit serial number in SCSI's vital product data: a header of 4 bytes, then the text, padded on the
 *  right by SAS disks and on the left by SATA disks. Source: SPC-4 7.8.13,
 *  /sys/block/<dev>/device/vpd_pg80. */
export function parseVpdSerial(page: Uint8Array): string | undefined {
  if (page.length < 4 || page[1] !== 0x80) return undefined;
  const length = ((page[2] ?? 0) << 8) | (page[3] ?? 0);
  const text = clean(latin1(page.subarray(4, 4 + length)));
  return text === '' ? undefined : text;
}

/** 0 if the disk does not say, as RAID controllers do of their volumes; 1 for one that does not rotate; else
 *  revolutions per minute. Source: SBC-3 6.5.3, block device characteristics, /sys/block/<dev>/device/vpd_pgb1. */
export function parseRotationRate(page: Uint8Array): number | undefined {
  return page.length < 6 || page[1] !== 0xb1 ? undefined : ((page[4] ?? 0) << 8) | (page[5] ?? 0);
}

/** The full names of an ATA disk behind a SCSI layer.
 *  Source: SAT-3 12.4.2, IDENTIFY DEVICE data at byte 60: words 10–19 serial, 27–46 model. */
export function parseAtaIdentity(page: Uint8Array): { serial: string; model: string } | undefined {
  const identify = 60;
  if (page.length < identify + 94 || page[1] !== 0x89) return undefined;
  const words = (first: number, last: number): string =>
    clean(swapped(page.subarray(identify + first * 2, identify + (last + 1) * 2)));
  return { serial: words(10, 19), model: words(27, 46) };
}

/** ATA stores two characters in a word, the first in the high byte. */
function swapped(bytes: Uint8Array): string {
  const pairs = bytes.map((_, i) => bytes[i ^ 1] ?? 0);
  return latin1(pairs);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
