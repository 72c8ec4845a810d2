// Finds the USB device in a path of /sys/devices. Pure.

/** The USB device (not its interface) in a device path: "…/usb1/1-14/1-14:1.0" → "…/usb1/1-14". */
export function usbDevicePath(devicePath: string): string | undefined {
  return /^(.*\/usb\d+\/(?:.*\/)?\d+-[\d.]+)(?:\/|$)/.exec(devicePath)?.[1];
}
