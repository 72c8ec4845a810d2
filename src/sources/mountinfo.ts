// The file systems that a host has mounted, as the kernel lists them.

export interface Mount {
  /** The device's number: "8:1". */
  readonly device: string;
  /** What of the file system is mounted: "/" for all of it. */
  readonly top: string;
  readonly point: string;
  /** The kind of file system. */
  readonly type: string;
}

/** Of two mounts at one point the later one is seen.
 *  Source: /proc/self/mountinfo (kernel Documentation/filesystems/proc.rst, 3.5). */
export function parseMountinfo(text: string): Mount[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const [, , device, top, point] = fields;
    // A dash ends the optional fields.
    const dash = fields.indexOf('-', 6);
    const type = fields[dash + 1];
    if (dash < 0 || device === undefined || top === undefined) return [];
    if (point === undefined || type === undefined) return [];
    return [{ device, top: unescape(top), point: unescape(point), type }];
  });
}

/** Blanks and the like stand as octal escapes. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );
}
