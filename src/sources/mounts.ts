// Finds the parts of the file tree that can hang: those served by another program or machine.
import { parseMountinfo } from './mountinfo.ts';

/** File systems whose reads wait for a server, which may be gone. */
const served =
  /^(fuse(\..*)?|fuseblk|nfs4?|cifs|smb3|smbfs|9p|virtiofs|ceph|glusterfs|lustre|beegfs|gpfs|afs|autofs|davfs|coda|ocfs2|gfs2|orangefs)$/;

/** File systems that hold files of any size and kind. */
const ordinary =
  /^(ext[234]|xfs|btrfs|zfs|overlay|vfat|exfat|f2fs|squashfs|erofs|iso9660|ntfs3?|bcachefs|jfs)$/;

export interface Mounts {
  /** True if the kernel generates everything in this directory, as in /sys and /proc. */
  isKernels(directory: string): boolean;
  /** True if reading this very path waits for a server. */
  isServed(path: string): boolean;
  /** True if this directory, or anything below it, waits for a server. */
  hasServed(directory: string): boolean;
}

export function parseMounts(mountinfo: string): Mounts {
  const mounts = parseMountinfo(mountinfo).map((mount) => ({
    ...mount,
    served: served.test(mount.type),
  }));
  const servedPoints = mounts.filter((m) => m.served).map((m) => m.point);
  const isServed = (path: string): boolean => {
    if (servedPoints.length === 0) return false;
    let nearest: { point: string; served: boolean } | undefined;
    for (const mount of mounts) {
      // If two mounts share a point, the later one is visible.
      if (isWithin(path, mount.point) && mount.point.length >= (nearest?.point.length ?? 0)) {
        nearest = mount;
      }
    }
    return nearest?.served === true;
  };
  return {
    isServed,
    isKernels: (directory) =>
      mounts.some(({ point, type }) => point === directory && /^(sysfs|proc)$/.test(type)) &&
      mounts.every(
        ({ point, type, served: isSlow }) =>
          !isWithin(point, directory) || (!isSlow && !ordinary.test(type)),
      ),
    hasServed: (directory) =>
      isServed(directory) || servedPoints.some((point) => isWithin(point, directory)),
  };
}

function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}
