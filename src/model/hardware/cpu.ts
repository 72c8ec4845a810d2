// The processors of a machine, taken together.
import { Type, type Static } from 'typebox';
import { nullable } from '../fields.ts';

export const Cpu = Type.Object({
  cpu_model: nullable(Type.String()),
  cpu_cores: nullable(Type.Integer({ description: 'physical cores' })),
  cpu_threads: nullable(Type.Integer({ description: 'logical processors' })),
  cpu_sockets: nullable(Type.Integer()),
  cpu_virtualization: Type.Optional(
    nullable(Type.Enum(['vmx', 'svm'], { description: 'runs virtual machines' })),
  ),
});
export type Cpu = Static<typeof Cpu>;
