// Faults of the host, which say nothing of the data: an error of the system, and what its operator can do about it.

/** By the names that Node gives them and the numbers that LMDB does. */
const remedies: readonly (readonly [codes: readonly unknown[], remedy: string])[] = [
  [['ENOSPC', 28], 'free space or inodes on its disk'],
  [['EDQUOT', 122], "free some of this user's quota"],
  [['EROFS', 30], 'its file system can only be read: mount it to be written'],
  [['EMFILE', 24, 'ENFILE', 23], 'let this user open more files'],
  [['EIO', 5], "see in the kernel's log what is wrong with its disk"],
  [['EACCES', 13, 'EPERM', 1], 'let this user write in it'],
];

/** The way out of an error of the system, for people; undefined for any other error. */
export function remedyFor(err: unknown): string | undefined {
  const { code } = Object(err);
  return remedies.find(([codes]) => codes.includes(code))?.[1];
}

/** True where the file system can only be read. */
export function isReadOnlySystem(err: unknown): boolean {
  return ['EROFS', 30].includes(Object(err).code);
}
