import { expect, it } from 'vitest';
import { handedOver } from '../../../initramfs/machine/pxe.ts';
import { imageParameters } from '../../../src/netboot/boot-parameters.ts';

it('hands over the image with the parameters that boot scripts have, and then those of its own', () => {
  const args = handedOver('/boot/arm64', 'console=ttyAMA0');
  const own = imageParameters.join(' ');
  expect(args.at(-1)).toBe(`${own} dragonfly.mode=discovery console=ttyAMA0`);
  expect(own).toContain('rootfstype=ramfs');
});
