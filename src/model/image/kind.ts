// Recognises an image and what it is packed in by its first bytes, never by its name. Pure.

export type Packing = 'gzip' | 'xz' | 'zstd' | 'bzip2' | 'tar';
export type Kind = Packing | 'qcow2' | 'raw';

/** As many bytes as recognising takes: a tar header's. */
export const recognisedBytes = 512;

/** Files that would be written as they are, and would not boot, by what they begin with. */
const unsupported: readonly (readonly [string, ...string[]])[] = [
  ['a VMDK image', 'KDMV', 'COWD', '# Disk Desc'],
  ['a VHDX image', 'vhdxfile'],
  ['a VHD image', 'conectix'],
  ['a VirtualBox image', '<<< '],
  ['a QED image', 'QED\0'],
  ['a Parallels image', 'WithoutFreSpacExt', 'WithouFreSpacExt', 'WithoutFreeSpace'],
  ['a zip archive', 'PK\x03\x04'],
  ['a 7z archive', '7z\xbc\xaf'],
  ['an lz4 file', '\x04\x22\x4d\x18'],
  ['an lzip file', 'LZIP'],
  ['an lzop file', '\x89LZO'],
  ['a file of compress', '\x1f\x9d'],
  ['encrypted (LUKS)', 'LUKS\xba\xbe'],
  ['a Windows image (WIM)', 'MSWIM\0'],
  ['a program', '\x7fELF'],
  ['a squashfs', 'hsqs'],
  ['a cpio archive', '070701', '070702', '070707'],
  ['a package', '!<arch>\n', '\xed\xab\xee\xdb'],
  ['an Android sparse image', '\x3a\xff\x26\xed'],
  ['a signature', '-----BEGIN '],
  ['a pointer to a file of Git LFS', 'version https://git-lfs'],
];
/** Source: the .lzma file format 1.1: properties, a dictionary, the size or that it is unknown. */
const lzmaAlone = /^\x5d\0\0[\s\S]{2}(?:\xff{8}|[\s\S]{5}\0\0\0)/;
const webPage = /^\s*<(!doctype|html|head|\?xml)/i;
const checksums = /^[0-9a-f]{64}\s/;

/** Source: zstd_compression_format.md (a frame, or one to be skipped), RFC 1952, the .xz file format
 *  2.1.1.1, qcow2.txt, POSIX ustar. Gives what it is instead where that is no image. */
export function recognise(head: Uint8Array): Kind | { readonly unsupported: string } {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1');
  if (text.startsWith('QFI\xfb')) return 'qcow2';
  if (text.startsWith('\x1f\x8b')) return 'gzip';
  if (text.startsWith('\xfd7zXZ\0')) return 'xz';
  if (text.startsWith('\x28\xb5\x2f\xfd') || isSkippedFrame(text)) return 'zstd';
  // A block begins with the digits of pi, an empty file ends with those of its root.
  const isBlock = ['1AY&SY', '\x17rE8P\x90'].includes(text.slice(4, 10));
  if (/^BZh[1-9]/.test(text) && isBlock) return 'bzip2';
  if (text.slice(257, 262) === 'ustar') return 'tar';
  if (lzmaAlone.test(text)) return { unsupported: 'an lzma file: pack it as xz' };
  if (webPage.test(text)) return { unsupported: 'a web page' };
  if (checksums.test(text)) return { unsupported: 'a file of checksums' };
  const [name] = unsupported.find(([, ...starts]) => starts.some((s) => text.startsWith(s))) ?? [];
  if (name !== undefined) return { unsupported: name };
  // An error message, a list of links: no disk begins with 512 bytes of letters.
  return head.length > 0 && head.every(isOfText) ? { unsupported: 'a text' } : 'raw';
}

/** Anything but control characters, in whatever encoding. */
function isOfText(byte: number): boolean {
  return byte === 0x09 || byte === 0x0a || byte === 0x0d || (byte >= 0x20 && byte !== 0x7f);
}

/** A frame of zstd that holds no data: 184d2a50 to 184d2a5f. */
function isSkippedFrame(text: string): boolean {
  return /^[P-_]/.test(text) && text.slice(1, 4) === '*M\x18';
}
