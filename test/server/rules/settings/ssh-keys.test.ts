import { describe, expect, it } from 'vitest';
import {
  fingerprintOf,
  parseSshKeys,
  sshKeysFor,
} from '../../../../src/server/rules/settings/ssh-keys.ts';
import { emptyReport, newMachine } from '../machine.ts';

// Made with ssh-keygen for these tests; nobody has their private halves.
const ed25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDWAI3b9Ft0WfAHLUJpURpsMT/FVHfODtUXsm63ma2GU';
const ecdsa =
  'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBG+M1+O8vKj9uO/6cHCZJ3mSJg+ctNoSgX2jYqG/9fD+b9QzZ9SwyW6GFl9HtC4njshWD4ooqwcW3f8f3R5X4EU=';
const rsa =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC4nO4JH1tRq+oCL25FepRdvI5SVbtIfGLVFgwHUgNn1b8YDCdyTu5DKwnHMvrQqe+9Dztpnw1uvv5SRBCH2bld3Nu50lskGMEq4Bocyy8E2hhl05BlcTP/6JSYeY7jPPpfBMFMbYhgoTl8UBGls7LjJXtvXuCp7KameQ8fT9GsqoQMua3Y7d6fWs378GWSeg3NGwthOYQj/N7s5sfM4NpeeSlTObR5apCMZjg1nB5D894ExQdheUbjf/9BDx0Xjgc/XHy39ccdNbgMxKpdZ1hrI3auLpVtRBe5QblO+7gl9R+qkrBHddtq5iYCBXQ9anw8UCEfTgBtPxikjkfAcP97';
const rsa1024 =
  'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC432K9XgybhLrt2ykfJedX+iFX8BGO/zWiemtgzgKHIc4EuVpx68byAyASXeDk2m57fQKWmuZy5GAnZ4A1PUdgVx+Tfp2JXDo3fbBvkan45lkBnS3meYOpNUHjVh87x/blw/vUdn3AEUklMlIg0NMsSXWkAggzxPvAnTRFFCyr4w==';
const dsa =
  'ssh-dss AAAAB3NzaC1kc3MAAACBAOUspu4D6MO8uT8hCHxIQSXoU9o+59QXUO4DfxeUIOCvhEok3iu5GOD4C01e0MznAeNKzJ0DMlseyVlN+NPmp6cN1unr4pkcbk15m1269A0PDAqCfl84XYNod2bZ2p1wKqxuGq4cz+LRLEv5l66F1gHc6aw+dDiO0xSjfkD5qD1PAAAAFQC+PvQx2c3/Xo9OS0ooRw/FpxpuzwAAAIA8CtkGJ5OZO8U2H5OZVJuWH34viOVyU6M+zRiOo1DVcJ3xCNx043mb52F/GzyBc5HPX5U69eA/a1xVmB33jOyarc664kd7jJVUtX5UuYbc8Mqdlgp3N23yH9I+EqBtQZCAP3HhBq67BCExDGS5GsOLqdm4hOEHXCu4uXDIsUWarwAAAIB/99GofdwTtWkORKRiMmEevHnko9OYW6J4QhZe/vc1Lsm0A4x0euk3wcdp8AqJhGyYLCIX1sYQIrsFHEnV6XE0t0h3vKiwFXkgAEXhK7OXZ8i+snxuuOarmAh7hhOmFofXs8tMqazERJLDbTIk5H5MT1iGAExnc7kLuyj34Wq4Jg==';

describe('parseSshKeys', () => {
  it('takes public keys as OpenSSH writes them, without their comments, each once', () => {
    const text = `# on call\r\n${ed25519} ops@example\r\n\n${ecdsa} a b\n  ${rsa}\n${ed25519}\n`;
    expect(parseSshKeys(text)).toEqual([ed25519, ecdsa, rsa]);
    expect(parseSshKeys('')).toEqual([]);
  });

  it.each([
    ['a command', `command="reboot" ${ed25519}`],
    ['a restriction', `restrict ${ed25519}`],
    ['an environment', `environment="PATH=/tmp" ${ed25519}`],
    ['a certificate authority', `cert-authority ${ed25519}`],
    ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----'],
    ['DSA', dsa],
    ['RSA of 1024 bits', rsa1024],
    ['a type that is not that of the bytes', ed25519.replace('ssh-ed25519', 'ssh-rsa')],
    ['bytes that end too soon', ed25519.slice(0, -8)],
    ['no bytes', 'ssh-ed25519'],
    ['a control character', `${ed25519} x\u0000y`],
    ['one wrong line of several', `${ed25519}\nssh-ed25519 what`],
    ['no key', 'gh:somebody'],
    ['33 keys', Array.from({ length: 33 }, (_, i) => `${ed25519} ${i}`).join('\n')],
  ])('refuses %s', (_name, text) => {
    expect(parseSshKeys(text)).toBeUndefined();
  });
});

it("the machine's own keys count before its tags', these together before the general ones", () => {
  const { id, ...bare } = newMachine();
  const one = {
    ...bare,
    id,
    config: { ...bare.config, tags: ['b', 'a'] },
    report: { ...emptyReport, in_image: true },
  };
  const keysOf = (settings: Record<string, string>) =>
    sshKeysFor(one, new Map(Object.entries(settings)));
  const general = { 'boot.ssh_keys': rsa };
  const byTag = { 'boot.ssh_keys.tag.b': ed25519, 'boot.ssh_keys.tag.a': ecdsa };
  expect(keysOf({})).toEqual([]);
  expect(keysOf(general)).toEqual([rsa]);
  expect(keysOf({ ...general, ...byTag, 'boot.ssh_keys.tag.c': rsa })).toEqual([ecdsa, ed25519]);
  expect(keysOf({ ...general, ...byTag, [`boot.ssh_keys.machine.${id}`]: '' })).toEqual([]);
  expect(keysOf({ 'boot.ssh_keys': `command="sh" ${rsa}` })).toEqual([]);
  expect(sshKeysFor({ ...one, report: emptyReport }, new Map(Object.entries(general)))).toEqual([]);
});

it('shows a fingerprint as ssh-keygen -l does', () => {
  expect(fingerprintOf(ed25519)).toBe('SHA256:Np++db/IJEysK/yW4ybH7/q4UKJYScfGFDocTsOIMuo');
});
