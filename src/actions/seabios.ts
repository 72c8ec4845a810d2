// seabios: sets the order in which SeaBIOS tries kinds of boot devices.
import { AppError } from '../core/errors.ts';
import { bootKinds, parseBootOrder } from '../model/actions/boot-order.ts';
import { checks } from '../model/actions/checks.ts';
import type { Root } from '../sources/root.ts';
import type { Action } from './action.ts';

/** Three kinds, each in four bits.
 *  Source: boot_init of SeaBIOS's src/boot.c, CMOS_BIOS_BOOTFLAG1 and 2 of src/hw/rtc.h. */
const flag1 = 0x38;
const flag2 = 0x3d;

const defaultOrder = 'pxe,hdd,cdrom';

export const seabios: Action<'seabios'> = {
  check: checks.seabios,

  async run({ set_pxe_first: isWanted = true, boot_order: order = defaultOrder }, { host }) {
    if (!isWanted) return { message: 'set_pxe_first is false: the order stays as it is' };
    if (!(await isSeabios(host.root))) {
      return { message: 'this machine did not start by SeaBIOS: nothing to do' };
    }
    const codes = parseBootOrder(order);
    const [first = 0, second = 0, third = 0] = codes;
    const { cmos } = host;
    // The lower half of the first flag is about something else.
    const kept = (await cmos.read(flag1)) & 0x0f;
    const wanted = [(third << 4) | kept, (second << 4) | first];
    await cmos.write(flag1, wanted[0] ?? 0);
    await cmos.write(flag2, wanted[1] ?? 0);
    const found = [await cmos.read(flag1), await cmos.read(flag2)];
    if (found.some((value, index) => value !== wanted[index])) {
      throw new AppError('firmware.failed', 'the CMOS memory does not keep what is written to it');
    }
    const names = codes.map((code) => bootKinds.find(([one]) => one === code)?.[1]).join(', ');
    return { message: `SeaBIOS tries ${names}`, details: { order: names } };
  },
};

/** Source: /sys/class/dmi/id/bios_vendor, of SMBIOS type 0. */
async function isSeabios(root: Root): Promise<boolean> {
  const isUefi = (await root.list('/sys/firmware/efi')) !== undefined;
  const vendor = await root.text('/sys/class/dmi/id/bios_vendor');
  return !isUefi && vendor?.trim() === 'SeaBIOS';
}
