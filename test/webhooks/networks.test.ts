import { expect, it } from 'vitest';
import { Networks } from '../../src/webhooks/networks.ts';

const inside = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '169.254.169.254',
  '172.31.0.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::127.0.0.1',
  '::ffff:0:127.0.0.1',
  '::ffff:0:a00:1',
  '::ffff:1:2:3',
  '64:ff9b::7f00:1',
  '64:ff9b:1::a00:1',
  '2002:7f00:1::',
  '2001::1',
  '2001:db8::1',
  'fe80::1',
  'fe80::1%eth0',
  'fd00::1',
  'fec0::1',
  'ff02::1',
  '100::1',
  'localhost',
  '',
  '127.1',
];
const outside = [
  '1.1.1.1',
  '::ffff:1.1.1.1',
  '0:0:0:0:0:ffff:101:101',
  '2606:4700::1111',
  '193.0.14.129',
  '223.255.255.1',
];

it('allows addresses of the public internet, in every spelling, and no others', () => {
  const networks = new Networks('');
  expect(inside.filter((address) => networks.allow(address))).toEqual([]);
  expect(outside.filter((address) => !networks.allow(address))).toEqual([]);
});

it('allows what is listed besides, and nothing near it', () => {
  const networks = new Networks(' 127.0.0.1, 10.0.0.0/8,fd00::/8 ');
  const allowed = ['127.0.0.1', '::ffff:127.0.0.1', '10.255.0.1', 'fd12::1', '1.1.1.1'];
  expect(allowed.filter((address) => !networks.allow(address))).toEqual([]);
  const others = ['127.0.0.2', '11.0.0.1', '169.254.169.254', 'fc00::1', '::1'];
  expect(others.filter((address) => networks.allow(address))).toEqual(['11.0.0.1']);
});

it.each(['10.0.0.0/33', '10.0.0/8', 'localhost', '::1/129', '10.0.0.0/', '10.0.0.0/8/8', '1/-1'])(
  'refuses the network %s',
  (text) => {
    expect(() => new Networks(text)).toThrow(expect.objectContaining({ code: 'config.invalid' }));
  },
);
