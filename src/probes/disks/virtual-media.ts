// Media that a BMC lends over USB: installation images, never a disk to write to. Pure.

const names = /virtual.{0,2}(h-?disk|hard ?disk|cd-?rom|floppy|media|flash|disk)|^lcdrive$/i;

export function isVirtualMedia(disk: {
  transport: string | undefined;
  model: string | undefined;
  vendor: string | undefined;
  isRemovable: boolean;
}): boolean {
  if (disk.transport !== 'usb' || !disk.isRemovable) return false;
  return /^ami\b/i.test(disk.vendor ?? '') || names.test(disk.model ?? '');
}
