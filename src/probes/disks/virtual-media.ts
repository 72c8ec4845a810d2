// Media that a BMC lends over USB: installation images, never a disk to write to. Pure.

/** The names that BMCs give them: AMI, ATEN (Supermicro), Cisco, Dell, HPE, IBM and Lenovo, OpenBMC. */
const names =
  /virtual.{0,2}(?:h-?disk|hard ?disk|cd-?rom|dvd|floppy|media|flash|disk)|^lcdrive$|vkvm|cimc|file-stor gadget|remote (?:disk|disc|media)|^(?:rdoc|rds|imm|secupd|oemdrv)\b/i;
const vendors = /^(?:ami|aten|cisco|idrac|ilo|imm)\b/i;
const products = /virtual (?:keyboard|media|hub|cd)|\bilo\b|openbmc|\bidrac\b|\bvkvm\b/i;

export function isVirtualMedia(disk: {
  transport: string | undefined;
  model: string | undefined;
  vendor: string | undefined;
  /** The USB device's product name. */
  product: string | undefined;
}): boolean {
  if (disk.transport !== 'usb') return false;
  return (
    vendors.test(disk.vendor ?? '') ||
    names.test(disk.model ?? '') ||
    products.test(disk.product ?? '')
  );
}
