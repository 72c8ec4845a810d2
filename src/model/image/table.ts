// Finds out whether an image begins with a partition table. Pure; the plan and the agent read it alike.

const signature = 'EFI PART';
/** Where an MBR has its four entries. */
export const mbrEntries = [446, 462, 478, 494];

/** True if an image begins with a partition table, for sectors of any size. */
export function hasTable(head: Buffer): boolean {
  return hasGpt(head, 512) || hasGpt(head, 4096) || hasMbrPartitions(head);
}

export function hasGpt(head: Buffer, sectorBytes: number): boolean {
  return head.toString('latin1', sectorBytes, sectorBytes + 8) === signature;
}

export function hasMbrPartitions(head: Buffer): boolean {
  return lastMbrLba(head) > 0;
}

/** 0 where there is no MBR with partitions; a boot sector of FAT or NTFS alone has the same signature. */
export function lastMbrLba(head: Buffer): number {
  if (head.length < 512 || head.readUInt16LE(510) !== 0xaa55) return 0;
  const entries = mbrEntries.map((at) => ({
    status: head[at] ?? 0,
    type: head[at + 4] ?? 0,
    first: head.readUInt32LE(at + 8),
    sectors: head.readUInt32LE(at + 12),
  }));
  if (entries.some(({ status }) => status !== 0 && status !== 0x80)) return 0;
  const used = entries.filter(({ type, sectors }) => type !== 0 && type !== 0xee && sectors > 0);
  return Math.max(0, ...used.map(({ first, sectors }) => first + sectors - 1));
}
