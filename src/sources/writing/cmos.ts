// The battery-backed memory of a PC's clock, byte by byte. The kernel's own driver gives it, under its
// lock: through /dev/port an address that the driver sets in between would turn a write to another byte.
import fs from 'node:fs/promises';
import { AppError } from '../../core/errors.ts';

/** Those before are the clock itself. Source: NVRAM_OFFSET of drivers/rtc/rtc-cmos.c. */
const firstAddress = 14;
const nvmem = '/sys/bus/nvmem/devices/cmos_nvram0/nvmem';

export interface Cmos {
  /** Errors of both: AppError `firmware.failed`. */
  read(address: number): Promise<number>;
  write(address: number, value: number): Promise<void>;
}

/** `path` is the driver's file. */
export function openCmos(path = nvmem): Cmos {
  return {
    read: (address) =>
      withFile(path, 'r', async (file) => {
        const { bytesRead, buffer } = await file.read(
          Buffer.alloc(1),
          0,
          1,
          address - firstAddress,
        );
        if (bytesRead === 0) throw new Error(`it has no byte ${address}`);
        return buffer.readUInt8();
      }),
    write: (address, value) =>
      withFile(path, 'r+', async (file) => {
        await file.write(Buffer.of(value), 0, 1, address - firstAddress);
      }),
  };
}

async function withFile<T>(
  path: string,
  flags: 'r' | 'r+',
  use: (file: fs.FileHandle) => Promise<T>,
): Promise<T> {
  try {
    const file = await fs.open(path, flags);
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  } catch (err) {
    throw new AppError('firmware.failed', `cannot reach the CMOS memory by ${path}`, {
      cause: err,
    });
  }
}
