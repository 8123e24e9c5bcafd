import {browser} from "@web/core/browser/browser";
import {registry} from "@web/core/registry";
import {groupBy, unique} from "@web/core/utils/arrays";

const PERIOD = 2; // seconds between two readings where there is no bus
const PERIOD_WITH_BUS = 5; // for the counters, and for a listener that was killed
const SCALARS = ["boolean", "char", "datetime", "float", "integer", "selection"];

/**
 * Keeps the records on the screen as they are in the database: at once when the bus says
 * that a service changed, and every few seconds besides. In prefork mode there is no bus
 * without a reverse proxy for websockets, and nobody speaks for a listener that was killed.
 *
 * Only fields that nobody edits are read, and the record is not loaded anew: whoever is
 * typing, has a line open or rows selected notices nothing.
 */
export const liveRecordsService = {
    dependencies: ["bus_service", "orm"],

    start(env, {bus_service: bus, orm}) {
        const watched = new Set();
        let timer, isReading, isStale;
        let seconds = 0;

        async function read(resModel, records) {
            const isLive = ({readonly, type}) => readonly && SCALARS.includes(type);
            const names = records.flatMap((record) =>
                record.fieldNames.filter((name) => isLive(record.fields[name]))
            );
            const ids = unique(records.map((record) => record.resId));
            const rows = await orm.silent.read(resModel, ids, unique(names));
            const current = new Set([...watched].map((getRecord) => getRecord()));
            for (const record of records.filter((one) => current.has(one))) {
                const row = rows.find(({id}) => id === record.resId) || {};
                const shown = record.fieldNames.filter((name) => name in row);
                record._applyValues(
                    Object.fromEntries(shown.map((name) => [name, row[name]]))
                );
            }
        }

        async function refresh() {
            isStale = true;
            if (isReading) {
                return;
            }
            isReading = true;
            while (isStale) {
                isStale = false;
                const records = [...watched].map((getRecord) => getRecord());
                const saved = groupBy(
                    records.filter((record) => record.resId),
                    "resModel"
                );
                // The server may be away: whoever clicks is told so, and it comes back.
                await Promise.allSettled(
                    Object.entries(saved).map(([resModel, some]) =>
                        read(resModel, some)
                    )
                );
            }
            isReading = false;
        }

        function tick() {
            seconds += 1;
            const period = bus.workerState === "CONNECTED" ? PERIOD_WITH_BUS : PERIOD;
            if (document.visibilityState === "visible" && seconds % period === 0) {
                refresh();
            }
        }

        bus.subscribe("mqtt_listener/service_changed", refresh);

        return {
            /**
             * @param {() => Object} getRecord what to keep up to date
             * @returns {() => void} ends it
             */
            watch(getRecord) {
                if (!watched.size) {
                    bus.start();
                    timer = browser.setInterval(tick, 1000);
                }
                watched.add(getRecord);
                return () => {
                    watched.delete(getRecord);
                    if (!watched.size) {
                        browser.clearInterval(timer);
                    }
                };
            },
        };
    },
};

registry.category("services").add("mqtt_listener.live_records", liveRecordsService);
