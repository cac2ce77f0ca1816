/* XSD dateTimeStamp and NumericDate <-> milliseconds since 1970: the twin of `schemas.timestamps`. */

export class TimestampError extends Error {}

const STAMP =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):(\d\d):(\d\d)(?:\.(\d{1,9}))?(Z|([+-])(0\d|1[0-3]):([0-5]\d)|([+-])14:00)$/;
const FIRST = -62135596800000; // the first moment of the year 1
const LAST = 253402300799999; // the last one of the year 9999
const MAX_NUMERIC_DATE = 253402300799;

/** Milliseconds since 1970 (with a fraction) of `2026-11-22T09:00:00Z`; TimestampError for what is no moment. */
export function parse(text) {
  const found = typeof text === "string" && !text.endsWith("\n") ? STAMP.exec(text) : null;
  if (found === null) throw new TimestampError("A date and time with a zone was expected, such as 2026-11-22T09:00:00Z.");
  const [, year, month, day, hour, minute, second, fraction] = found;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day)); // Date.UTC takes the years 0 to 99 for 1900 on
  const exists = Number(year) > 0 && date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  if (!exists || Number(minute) > 59 || Number(second) > 59) throw new TimestampError("This moment does not exist.");
  const micros = Number((fraction ?? "").slice(0, 6).padEnd(6, "0"));
  const local = date.getTime() + (Number(hour) * 3600 + Number(minute) * 60 + Number(second)) * 1000 + micros / 1000;
  const moment = local - offset(found) * 60000;
  if (moment < FIRST || moment > LAST + 1) throw new TimestampError("This moment cannot be shown in UTC.");
  return moment;
}

/** The moment in UTC, in whole seconds: `2026-11-22T09:00:00Z`. */
export function show(moment) {
  return `${new Date(Math.floor(moment / 1000) * 1000).toISOString().slice(0, 19)}Z`;
}

/** Milliseconds since 1970 from seconds; TimestampError for another type or a number out of range. */
export function fromNumericDate(value) {
  if (typeof value !== "number" || !(value >= 0 && value <= MAX_NUMERIC_DATE)) {
    throw new TimestampError("A number of seconds since 1970 was expected.");
  }
  return value * 1000;
}

function offset(found) {
  const [, , , , , , , , zone, sign, hours, minutes, far] = found;
  if (zone === "Z") return 0;
  if (far !== undefined) return far === "+" ? 14 * 60 : -14 * 60;
  return (sign === "+" ? 1 : -1) * (Number(hours) * 60 + Number(minutes));
}
