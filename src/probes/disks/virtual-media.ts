// Media that a BMC or an IP-KVM lends over USB: installation images, never a disk to write to. Pure.

/** The names that BMCs give them: AMI, ATEN (Supermicro), Cisco, Dell, HPE, Huawei, IBM and Lenovo, Intel,
 *  NEC, OpenBMC, Oracle; and IP-KVMs. */
const names =
  /virtual.{0,2}(?:h-?disk|hard ?disk|hdd|fdd|cd\b|cd-?rom|dvd|floppy|media|flash|disk|usb)|^lcdrive$|vkvm|cimc|file-(?:stor|cd) gadget|vmedia|remote (?:disk|disc|media|iso|floppy|cd)|^(?:rdoc|rds|imm|secupd|oemdrv)(?![a-z\d])/i;
const vendors = /^(?:ami|aten|cisco|idrac|ilom?|imm|pikvm|blikvm|jetkvm|nanokvm|glkvm)\b/i;
const products =
  /\bbmc\b|virtual (?:keyboard|media|hub|cd)|\bilom?\b|openbmc|\bidrac\b|\bvkvm\b|^(?:rdoc|rds)\b|(?:pi|bli|jet|nano|gl)-?kvm/i;
/** Cards in a slot on the board, which the BMC's USB device gives to the host for good. */
const built = /^internal (?:dual )?sd/i;

export function isVirtualMedia(disk: {
  transport: string | undefined;
  model: string | undefined;
  vendor: string | undefined;
  /** The USB device's product name. */
  product: string | undefined;
}): boolean {
  if (disk.transport !== 'usb' || built.test(disk.model ?? '')) return false;
  return (
    vendors.test(disk.vendor ?? '') ||
    names.test(disk.model ?? '') ||
    products.test(disk.product ?? '')
  );
}
