// The probes that run on request alone.
import type { AnyProbe } from '../index.ts';
import { diskDetailsProbe } from './disks.ts';
import { numaProbe } from './numa.ts';
import { pciProbe } from './pci.ts';
import { portDetailsProbe } from './ports.ts';
import { processorProbe } from './processor.ts';
import { usbProbe } from './usb.ts';
import { watchdogsProbe } from './watchdogs.ts';

export const detailProbes: readonly AnyProbe[] = [
  processorProbe,
  numaProbe,
  pciProbe,
  usbProbe,
  watchdogsProbe,
  diskDetailsProbe,
  portDetailsProbe,
];
