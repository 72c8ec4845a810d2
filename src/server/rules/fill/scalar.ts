// YAML scalars: read, and written so that they are read as the same text. Pure.
import { CST } from 'yaml';

export type Scalar = CST.FlowScalar | CST.BlockScalar;

/** A value as it is written in each kind of scalar that stands in one line. */
export const escapes: Readonly<Record<CST.FlowScalar['type'], (text: string) => string>> = {
  alias: (text) => text,
  scalar: (text) => text,
  'double-quoted-scalar': (text) => quoted(text).slice(1, -1),
  'single-quoted-scalar': (text) => text.replaceAll("'", "''"),
};

/** Returns undefined if it cannot be read. */
export function readScalar(token: Scalar): string | undefined {
  let isRead = true;
  const { value } = CST.resolveAsScalar(token, true, () => {
    isRead = false;
  });
  return isRead ? value : undefined;
}

/** Where the text of a block scalar starts, behind its header. */
export function startOf({ offset, props }: CST.BlockScalar): number {
  const last = props.at(-1);
  return last !== undefined && 'source' in last ? last.offset + last.source.length : offset;
}

/** A text as a YAML value: in quotes unless it surely reads as the same text without. */
export function scalar(text: string): string {
  return isSurelyPlain(text) ? text : quoted(text);
}

/** Text that YAML 1.1, which cloud-init reads, takes for a text as well, in any place. */
export function isSurelyPlain(text: string): boolean {
  return (isWords.test(text) && !isKeyword.test(text)) || isUuid.test(text);
}

const isWords = /^[A-Za-z/][\w./@+=~%-]*(?::[\w./@+=~%-]+)*(?: [\w./@+=~%-]+(?::[\w./@+=~%-]+)*)*$/;
const isUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const isKeyword = /^(?:true|false|yes|no|on|off|null|y|n)$/i;

/** Characters that YAML wants escaped, and those that YAML 1.1 takes for ends of lines. */
export const nonPrintable =
  /[^\t\n\r\u0020-\u007e\u00a0-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]|[\u2028\u2029]/u;

export function quoted(text: string): string {
  const hex = (c: string): string => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return JSON.stringify(text).replaceAll(/[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g, hex);
}
