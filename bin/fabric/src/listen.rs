//! Where the server listens. The port is taken before anything else is done: what the server calls itself names it.

use std::{
    io,
    net::{SocketAddr, TcpListener, ToSocketAddrs as _},
    time::Duration,
};

use kernel::{Code, Error, Result};

use crate::config::Config;

/// How long somebody may leave unread what they were sent, or a network may fail to carry it, before the connection is
/// given up (RFC 5482). Without, the kernel keeps one for a quarter of an hour that nobody will ever read from again.
const UNREAD: Duration = Duration::from_mins(1);

/// Listens on every address of the host. Who calls waits until the server is there to answer.
///
/// # Errors
/// `invalid_setting` when the host is no address, or open to others in development; `service_unavailable` when the port
/// is taken.
pub fn listen(config: &Config) -> Result<Vec<TcpListener>> {
    let (host, port) = (config.server.host.as_str(), config.server.port);
    let addresses = addresses(config)?;
    refuse_strangers(config, &addresses)?;
    bind(addresses).map_err(|error| {
        let why = format!("{host}:{port} can't be listened on ({error}). Choose another HOST or PORT.");
        Error::because(Code::ServiceUnavailable, why)
    })
}

/// A name may have several, and the same one twice.
fn addresses(config: &Config) -> Result<Vec<SocketAddr>> {
    let wrong = || config.wrong("server.host", "it is no address, and no name of one: give one such as 127.0.0.1");
    let found = (config.server.host.as_str(), config.server.port).to_socket_addrs().map_err(|_| wrong())?;
    let mut addresses = Vec::new();
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(wrong()) } else { Ok(addresses) }
}

/// In development anybody can be anybody: that is for this machine alone.
fn refuse_strangers(config: &Config, addresses: &[SocketAddr]) -> Result<()> {
    let local = addresses.iter().all(|address| address.ip().is_loopback());
    if local || !config.development() || config.runtime.dev_mode {
        return Ok(());
    }
    Err(Error::because(
        Code::InvalidSetting,
        format!(
            "{}={} is open to other machines, and development lets anybody in. Set FABRIC_ENV=production, or \
             FABRIC_DEV_MODE=1 if the network is yours alone.",
            config.name("server.host"),
            config.server.host,
        ),
    ))
}

/// The same port on all of them, also where it is the first that finds a free one. An address that this machine does not
/// have, such as `::1` without IPv6, is left out if there is another. One where somebody else listens is not: half of
/// those who call by the name would reach them.
fn bind(addresses: Vec<SocketAddr>) -> io::Result<Vec<TcpListener>> {
    let (mut listeners, mut taken, mut failed) = (Vec::new(), None, None);
    for mut address in addresses {
        address.set_port(taken.unwrap_or(address.port()));
        match TcpListener::bind(address) {
            Ok(listener) => {
                give_up_the_unread(&listener)?;
                taken = Some(listener.local_addr()?.port());
                listeners.push(listener);
            }
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Err(error),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if listeners.is_empty() => Err(error),
        _ => Ok(listeners),
    }
}

/// Every connection that comes of a listener is made like it.
#[cfg(target_os = "linux")]
fn give_up_the_unread(listener: &TcpListener) -> io::Result<()> {
    socket2::SockRef::from(listener).set_tcp_user_timeout(Some(UNREAD))
}

/// Other kernels have their own ways.
#[cfg(not(target_os = "linux"))]
fn give_up_the_unread(_: &TcpListener) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(port: u16) -> Vec<SocketAddr> {
        // On Linux all of 127.0.0.0/8 is this machine. The second is nobody's: RFC 5737 keeps it for documentation.
        ["127.0.0.1", "192.0.2.1", "127.0.0.2"].map(|ip| SocketAddr::new(ip.parse().unwrap(), port)).to_vec()
    }

    fn ports(listeners: &[TcpListener]) -> Vec<(String, u16)> {
        let address = |listener: &TcpListener| listener.local_addr().unwrap();
        listeners.iter().map(address).map(|address| (address.ip().to_string(), address.port())).collect()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn all_addresses_of_a_host_get_the_same_port() {
        let listeners = bind(addresses(0)).unwrap();
        let taken = listeners[0].local_addr().unwrap().port();
        assert_ne!(taken, 0);
        assert_eq!(ports(&listeners), [("127.0.0.1".to_owned(), taken), ("127.0.0.2".to_owned(), taken)]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_port_that_is_taken_on_one_of_them_is_taken() {
        let other = TcpListener::bind("127.0.0.2:0").unwrap();
        let taken = other.local_addr().unwrap().port();
        assert_eq!(bind(addresses(taken)).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_connection_that_nobody_reads_from_is_given_up() {
        let listeners = bind(addresses(0)).unwrap();
        let _caller = std::net::TcpStream::connect(listeners[0].local_addr().unwrap()).unwrap();
        let (accepted, _) = listeners[0].accept().unwrap();
        assert_eq!(socket2::SockRef::from(&accepted).tcp_user_timeout().unwrap(), Some(UNREAD));
    }

    #[test]
    fn a_host_with_no_address_of_this_machine_is_refused() {
        assert!(bind(addresses(0)[1..2].to_vec()).is_err());
    }
}
