// The door through which workflow actions change this machine: its disks, mounts and programs. Only
// src/actions may open it; everything else reads, through a Root.
import type { Clock } from '../../core/clock.ts';
import type { Root } from '../root.ts';
import { blockDeviceNumber, openBlockFile, type BlockFile, type DiskMode } from './block-file.ts';
import { openCmos, type Cmos } from './cmos.ts';
import { MountSpace } from './mount-space.ts';
import { filterThrough, runProgram, type ProgramOptions } from './program.ts';

export type RunOptions = Omit<ProgramOptions, 'clock'>;

export interface Host {
  /** Reads of the same machine. */
  readonly root: Root;
  readonly clock: Clock;
  /** A disk, a partition or an image file. Errors: AppError `disk.in-use`, `disk.failed`. */
  openDisk(path: string, mode: DiskMode): Promise<BlockFile>;
  /** "MAJOR:MINOR" of the block device that a device file leads to; undefined where there is none. */
  deviceNumber(path: string): Promise<string | undefined>;
  /** Resolves to what a program printed. Errors: as runProgram. */
  run(program: string, args: readonly string[], options: RunOptions): Promise<string>;
  /** Passes a stream through a program. Errors: as filterThrough. */
  filter(
    program: string,
    args: readonly string[],
    input: AsyncIterable<Uint8Array>,
    options: RunOptions,
  ): AsyncIterable<Uint8Array>;
  /** The memory that a PC's BIOS has its settings in. */
  readonly cmos: Cmos;
  /** Room for mounts that nobody else sees. Errors: AppError `exec.failed`. */
  openMounts(): Promise<MountSpace>;
}

/** The machine that `root` reads: this one. */
export function hostOf(root: Root, clock: Clock): Host {
  return {
    root,
    clock,
    openDisk: (path, mode) => openBlockFile(path, { mode }),
    deviceNumber: blockDeviceNumber,
    run: (program, args, options) => runProgram(program, args, { ...options, clock }),
    filter: (program, args, input, options) =>
      filterThrough(program, args, input, { ...options, clock }),
    cmos: openCmos(),
    openMounts: () => MountSpace.open(clock),
  };
}
