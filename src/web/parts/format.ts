// Formats values for people: sizes, ages, a machine's hardware in one line. Pure; no DOM.
import type { StoredDisk } from '../../model/hardware/disk.ts';
import type { HardwareInfo } from '../../model/machine.ts';

const binaryUnits = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const decimalUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

function scaled(bytes: number | bigint, step: number, units: readonly string[]): string {
  let value = Number(bytes);
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  const digits = value >= 100 || Number.isInteger(value) ? 0 : 1;
  return `${value.toFixed(digits).replace(/\.0$/, '')} ${units[unit] ?? ''}`;
}

/** Memory in binary units, as it is sold: "256 GiB". */
export const formatMemory = (bytes: number | bigint): string => scaled(bytes, 1024, binaryUnits);

/** A disk size in decimal units, as on its label: "1.9 TB". */
export const formatDisk = (bytes: number | bigint): string => scaled(bytes, 1000, decimalUnits);

/** The total capacity of disks. */
export function totalBytes(disks: readonly StoredDisk[]): number {
  return disks.reduce((sum, disk) => sum + Number(disk.size_bytes), 0);
}

/** A link speed: "25 Gb/s". */
export function formatSpeed(mbps: number): string {
  return mbps >= 1000 ? `${String(mbps / 1000)} Gb/s` : `${String(mbps)} Mb/s`;
}

/** A CPU model without the words they all share: "AMD EPYC 7543". */
export function shortCpu(model: string): string {
  return model
    .replaceAll(/\((?:R|TM|C)\)|@.*|\b(?:CPU|Processor|\d+-Core)\b/gi, '')
    .replaceAll(/\s+/g, ' ')
    .trim();
}

/** "AMD EPYC 7543 · 32c/64t · 256 GiB · 2 disks 3.8 TB", without what was not reported. */
export function hardwareLine(hardware: HardwareInfo): string {
  const { cpu_model, cpu_cores, cpu_threads, memory_bytes, disks } = hardware;
  const parts: string[] = [];
  if (cpu_model !== null) parts.push(shortCpu(cpu_model));
  if (cpu_cores !== null) {
    parts.push(
      `${String(cpu_cores)}c${typeof cpu_threads === 'number' ? `/${String(cpu_threads)}t` : ''}`,
    );
  }
  if (memory_bytes !== null) parts.push(formatMemory(memory_bytes));
  if (disks.length > 0) {
    const size = formatDisk(totalBytes(disks));
    parts.push(`${disks.length === 1 ? '' : `${String(disks.length)} disks `}${size}`);
  }
  return parts.join(' · ');
}

/** An age in its shortest form: "now", "12 s", "3 min", "5 h", "2 d". */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.floor(ageMs / 1000));
  if (seconds < 1) return 'now';
  if (seconds < 60) return `${String(seconds)} s`;
  if (seconds < 3600) return `${String(Math.floor(seconds / 60))} min`;
  if (seconds < 172_800) return `${String(Math.floor(seconds / 3600))} h`;
  return `${String(Math.floor(seconds / 86_400))} d`;
}

/** "2026-11-24 09:30 UTC"; a text that is no time stays as it is. */
export function formatTime(text: string): string {
  const iso = isoOf(Date.parse(text));
  return iso === undefined ? text : `${iso.slice(0, 16).replace('T', ' ')} UTC`;
}

/** A time in RFC 3339; undefined where none is known, or it could not be read. */
export function isoOf(atMs: number | undefined): string | undefined {
  const at = new Date(atMs ?? NaN);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

/** A count with its noun: "1 machine", "2,000 machines". */
export function plural(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** A length of time: "45 s", "12 min", "1 h 20 min". */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) return `${String(whole)} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 120) return `${String(minutes)} min`;
  const rest = minutes % 60;
  return `${String(Math.floor(minutes / 60))} h${rest === 0 ? '' : ` ${String(rest)} min`}`;
}
