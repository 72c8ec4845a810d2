// Decodes the frames by which switches announce themselves: LLDP and CDP. Pure.
import type { Neighbour } from '../../model/hardware/network-interface.ts';
import { clean } from '../reading.ts';

const lldpType = 0x88_cc;

/** The neighbour that an Ethernet frame announces; undefined for any other frame.
 *  Source: IEEE 802.1AB 8 (LLDP); Cisco Discovery Protocol 2. */
export function parseFrame(frame: Uint8Array): Neighbour | undefined {
  const type = word(frame, 12);
  // A tag stands before the type where the switch sends frames in a VLAN.
  if (type === 0x81_00) return parseFrame(without(frame, 12, 4));
  if (type === lldpType) return named(parseLldp(frame.subarray(14)));
  // LLC with SNAP, of Cisco, protocol 0x2000; then version, time to live and checksum.
  const snap = [0xaa, 0xaa, 0x03, 0x00, 0x00, 0x0c, 0x20, 0x00];
  const isCdp = type <= 1500 && snap.every((byte, i) => frame[14 + i] === byte);
  return isCdp ? named(parseCdp(frame.subarray(26))) : undefined;
}

/** Undefined where it names nothing. */
function named(neighbour: Neighbour): Neighbour | undefined {
  return Object.values(neighbour).some((value) => value !== undefined) ? neighbour : undefined;
}

function without(bytes: Uint8Array, at: number, length: number): Uint8Array {
  const rest = new Uint8Array(Math.max(0, bytes.length - length));
  rest.set(bytes.subarray(0, at));
  rest.set(bytes.subarray(at + length), at);
  return rest;
}

function parseLldp(payload: Uint8Array): Neighbour {
  let found: Neighbour & { description?: string | undefined } = {};
  for (let at = 0; at + 2 <= payload.length;) {
    const header = word(payload, at);
    const [type, length] = [header >> 9, header & 0x1ff];
    const value = payload.subarray(at + 2, at + 2 + length);
    if (type === 0 || value.length < length) break;
    found = { ...found, ...lldpField(type, value) };
    at += 2 + length;
  }
  const { description, port, ...rest } = found;
  // Many switches give a number or an address as the port's id, and its name as the description.
  const isTelling = port !== undefined && port !== null && !/^(?:\d+|[0-9a-f:]{17})$/.test(port);
  return { ...rest, ...portOf(isTelling ? port : (description ?? port)) };
}

function portOf(port: string | null | undefined): Pick<Neighbour, 'port'> {
  return port === undefined || port === null ? {} : { port };
}

function lldpField(
  type: number,
  value: Uint8Array,
): Neighbour & { description?: string | undefined } {
  switch (type) {
    case 1:
      return { ...(idOf(value, 4) && { chassis: idOf(value, 4) ?? null }) };
    case 2:
      return { ...(idOf(value, 3) && { port: idOf(value, 3) ?? null }) };
    case 4:
      return { description: textOf(value) };
    case 5:
      return { ...(textOf(value) && { system: textOf(value) ?? null }) };
    case 127:
      return vlanOf(value);
    default:
      return {};
  }
}

/** The id of a chassis or port: a subtype, then a text, or an address where the subtype says so. */
function idOf(value: Uint8Array, macSubtype: number): string | undefined {
  const id = value.subarray(1);
  if (value[0] !== macSubtype) return textOf(id);
  return id.length === 6
    ? [...id].map((byte) => byte.toString(16).padStart(2, '0')).join(':')
    : undefined;
}

/** IEEE 802.1's own field, number 1: the VLAN of untagged frames; 0 is none. */
function vlanOf(value: Uint8Array): Neighbour {
  const isPortVlan = [0x00, 0x80, 0xc2, 0x01].every((byte, i) => value[i] === byte);
  const vlan = word(value, 4);
  return isPortVlan && value.length >= 6 && vlan > 0 ? { vlan } : {};
}

function parseCdp(fields: Uint8Array): Neighbour {
  const found: Neighbour = {};
  for (let at = 0; at + 4 <= fields.length;) {
    const [type, length] = [word(fields, at), word(fields, at + 2)];
    const value = fields.subarray(at + 4, at + length);
    if (length < 4 || value.length < length - 4) break;
    const text = textOf(value);
    if (type === 1 && text !== undefined) found.system = text;
    if (type === 3 && text !== undefined) found.port = text;
    if (type === 10 && value.length >= 2 && word(value, 0) > 0) found.vlan = word(value, 0);
    at += length;
  }
  return found;
}

function textOf(bytes: Uint8Array): string | undefined {
  return clean(new TextDecoder().decode(bytes)).slice(0, 255) || undefined;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
