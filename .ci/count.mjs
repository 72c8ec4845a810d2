// Adds up the test runner's JSON reports: prints what failed, then `N passed, N failed, N skipped`. Ends with 1
// when anything failed, a report is missing, or no test ran. Plain JavaScript: it runs on any Node.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const total = { passed: 0, failed: 0, skipped: 0 };
for (const path of process.argv.slice(2)) {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + (report.numTodoTests ?? 0);
  // A file that cannot even be loaded has no failed test in it.
  if (!report.success && report.numFailedTests === 0) total.failed += 1;
  for (const file of report.testResults) printFailures(file);
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

function printFailures({ name, status, message, assertionResults }) {
  const file = relative('', name);
  const failed = assertionResults.filter((test) => test.status === 'failed');
  for (const { ancestorTitles, title, duration = 0, failureMessages } of failed) {
    const test = [file, ...ancestorTitles, title].join(' > ');
    console.log(`failed after ${(duration / 1000).toFixed(1)} s: ${test}`);
    for (const why of failureMessages) console.log(`    ${firstLine(why)}`);
  }
  if (status === 'failed' && failed.length === 0)
    console.log(`failed: ${file}\n    ${firstLine(message)}`);
}

function firstLine(text = '') {
  return text.trim().split('\n', 1)[0];
}
