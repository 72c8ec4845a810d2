// Recognises USB network interfaces that link a BMC to its own host. Their MAC may repeat across a whole
// model line, so they must never identify a machine. Pure.

const classDrivers = new Set(['cdc_ether', 'rndis_host', 'cdc_ncm', 'cdc_subset', 'cdc_eem']);

/** USB vendors whose network gadgets are BMCs.
 *  Source: linux-usb.org usb.ids and vendors' manuals. */
const bmcVendors = new Set([
  '046b', // American Megatrends: MegaRAC
  '04b3', // IBM: IMM, XClarity
  '0b1f', // Insyde: Supermicro and others
  '413c', // Dell: iDRAC
  '03f0', // HP and HPE: iLO
]);

/** True if a USB interface is the host's end of a link to its BMC. */
export function isBmcNic(nic: {
  driver: string | undefined;
  usbVendorId: string | undefined;
  usbProduct: string | undefined;
}): boolean {
  if (nic.driver === undefined || !classDrivers.has(nic.driver)) return false;
  if (bmcVendors.has(nic.usbVendorId?.toLowerCase() ?? '')) return true;
  return /bmc|idrac|\bilo\b|\bimm\b|xclarity|virtual ethernet|rndis.*ethernet gadget/i.test(
    nic.usbProduct ?? '',
  );
}
