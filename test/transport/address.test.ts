import { expect, it } from 'vitest';
import { parseUrl } from '../../src/transport/address.ts';

it.each([
  ['http://10.0.0.1:3000/', 'http://10.0.0.1:3000'],
  ['HTTPS://Server.Lab:443/below/', 'https://server.lab/below'],
  ['http://[::1]:3000', 'http://[::1]:3000'],
  ['http://[fe80::1%25eth0]:3000/', 'http://[fe80::1%25eth0]:3000'],
  ['https://[FE80:0::1%enp1s0f0.7]', 'https://[fe80::1%25enp1s0f0.7]'],
  ['http://server.lab?', 'http://server.lab'],
])('takes %s for %s', (text, url) => {
  expect(parseUrl(text)).toBe(url);
});

it.each([
  ['server.lab:3000', 'must start with http:// or https://'],
  ['ftp://server.lab', 'must start with http:// or https://'],
  ['http:server.lab', 'must start with http:// or https://'],
  ['http://10.0.0.1:99999', 'it is no address'],
  ['http://a b', 'it is no address'],
  ['http://[2001:db8::1%25eth0]', 'only a link-local address'],
  ['http://[fe80::1%25a b]', 'it is no address'],
  ['http://[fe80::x%25eth0]', 'it is no address'],
  ['http://10.0.0.1%25eth0', 'it is no address'],
  ['http://me:secret@server.lab', 'must not have a password'],
  ['http://server.lab/?machine=1', 'nothing after its path'],
  ['http://server.lab/#top', 'nothing after its path'],
])('refuses %s: %s', (text, reason) => {
  expect(() => parseUrl(text)).toThrow(reason);
});
