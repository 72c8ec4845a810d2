// The program that reads files in a process of its own. Argument: what serveReads() takes.
import { argv } from 'node:process';
import { serveReads } from './serve-reads.ts';

serveReads(argv[2] ?? '/');
