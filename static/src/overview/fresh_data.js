import {onMounted, onWillStart, onWillUnmount} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {useService} from "@web/core/utils/hooks";

const PERIOD = 5000; // milliseconds between two readings
const SHORTEST = 1000; // between two, however often the bus says that something changed

/** Reads something again and again: soon after a change, and every few seconds. */
class Reader {
    constructor(read, period) {
        this.read = read;
        this.period = period;
        this.isReading = false;
        this.isStale = false;
        this.due = Infinity;
    }

    start() {
        this.isStarted = true;
        this.schedule(SHORTEST); // the second reading, without which there is no rate
    }

    stop() {
        this.isStarted = false;
        this.cancel();
    }

    cancel() {
        browser.clearTimeout(this.timer);
        this.due = Infinity;
    }

    async refresh() {
        // What is being read may be older than the reason for this call.
        this.isStale = this.isReading;
        if (this.isReading) {
            return;
        }
        this.cancel();
        this.isReading = true;
        try {
            await this.read();
        } finally {
            this.isReading = false;
            if (this.isStarted) {
                this.schedule(this.isStale ? SHORTEST : this.period);
            }
        }
    }

    /** What is due sooner stays: the bus may speak more often than we read. */
    schedule(milliseconds) {
        const due = Date.now() + milliseconds;
        if (due < this.due) {
            this.cancel();
            this.due = due;
            this.timer = browser.setTimeout(() => this.onTime(), milliseconds);
        }
    }

    onTime() {
        this.due = Infinity;
        if (document.visibilityState === "visible") {
            this.refresh();
        } else {
            this.isStale = true;
        }
    }

    onChanged() {
        this.isStale = true;
        if (!this.isReading) {
            this.schedule(SHORTEST);
        }
    }

    onVisible() {
        if (document.visibilityState === "visible" && this.isStale) {
            this.refresh();
        }
    }
}

/**
 * Reads data when a component starts and keeps it fresh: at once when the bus says that a
 * service changed, and every few seconds, for the counters, and where there is no bus. A
 * page that nobody sees reads nothing; it does so as soon as it is seen again.
 *
 * @param {() => Promise} read reads the data; what it throws is its own matter
 * @param {Number} period milliseconds between two readings
 * @returns {() => Promise} reads it now
 */
export function useFreshData(read, period = PERIOD) {
    const bus = useService("bus_service");
    const reader = new Reader(read, period);
    const onChanged = () => reader.onChanged();
    const onVisible = () => reader.onVisible();
    const refresh = () => reader.refresh();
    onWillStart(refresh);
    onMounted(() => {
        bus.start();
        bus.subscribe("mqtt_listener/service_changed", onChanged);
        document.addEventListener("visibilitychange", onVisible);
        reader.start();
    });
    onWillUnmount(() => {
        reader.stop();
        bus.unsubscribe("mqtt_listener/service_changed", onChanged);
        document.removeEventListener("visibilitychange", onVisible);
    });
    return refresh;
}
